package orders;

import java.util.Map;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.listener.KafkaListenerErrorHandler;
import org.springframework.messaging.support.MessageBuilder;

@Configuration
public class RefusalConfiguration {

    @Bean
    KafkaListenerErrorHandler refusal() {
        return (message, exception) -> MessageBuilder
                .withPayload(Map.of("message", exception.getCause().getMessage()))
                .setHeader("status", "422")
                .build();
    }
}
