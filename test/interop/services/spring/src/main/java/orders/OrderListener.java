package orders;

import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.messaging.handler.annotation.SendTo;
import org.springframework.stereotype.Component;

@Component
public class OrderListener {

    @KafkaListener(topics = "spring.requests")
    @SendTo
    public Confirmation handle(Order order) {
        return confirm(order);
    }

    /** The same, but what goes wrong is told to the caller: see {@link RefusalConfiguration}. */
    @KafkaListener(topics = "spring.telling.requests", errorHandler = "refusal")
    @SendTo
    public Confirmation handleAndTell(Order order) {
        return confirm(order);
    }

    /** Two services with the same task, each a consumer group: a request has two replies. */
    @KafkaListener(topics = "spring.several.requests", groupId = "orders-spring-one")
    @SendTo
    public Confirmation handleAsOne(Order order) {
        return confirm(order);
    }

    @KafkaListener(topics = "spring.several.requests", groupId = "orders-spring-other")
    @SendTo
    public Confirmation handleAsOther(Order order) {
        return confirm(order);
    }

    private static Confirmation confirm(Order order) {
        if (order.quantity() < 1) {
            throw new IllegalArgumentException("quantity must be at least 1");
        }
        return order.item().isEmpty() ? null : new Confirmation("accepted", order.item());
    }
}
