package orders;

import jakarta.enterprise.context.ApplicationScoped;
import org.eclipse.microprofile.reactive.messaging.Incoming;
import org.eclipse.microprofile.reactive.messaging.Outgoing;

@ApplicationScoped
public class OrderService {

    @Incoming("orders")
    @Outgoing("confirmations")
    public Confirmation handle(Order order) {
        if (order.quantity() < 1) {
            throw new IllegalArgumentException("quantity must be at least 1");
        }
        return order.item().isEmpty() ? null : new Confirmation("accepted", order.item());
    }
}
