package orders;

import io.micronaut.configuration.kafka.annotation.KafkaListener;
import io.micronaut.configuration.kafka.annotation.OffsetReset;
import io.micronaut.configuration.kafka.annotation.Topic;
import io.micronaut.messaging.annotation.SendTo;

@KafkaListener(groupId = "orders-micronaut", offsetReset = OffsetReset.EARLIEST)
public class OrderListener {

    @Topic("micronaut.requests")
    @SendTo("micronaut.replies")
    public Confirmation handle(Order order) {
        if (order.quantity() < 1) {
            throw new IllegalArgumentException("quantity must be at least 1");
        }
        return order.item().isEmpty() ? null : new Confirmation("accepted", order.item());
    }
}
