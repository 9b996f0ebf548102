package orders;

import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.messaging.handler.annotation.SendTo;
import org.springframework.stereotype.Component;

@Component
public class OrderListener {

    private static final Schema CONFIRMATION = SchemaBuilder.record("Confirmation").namespace("orders").fields()
            .requiredString("status")
            .requiredString("item")
            .endRecord();

    @KafkaListener(topics = "spring-avro.requests")
    @SendTo
    public GenericRecord handle(GenericRecord order) {
        if ((int) order.get("quantity") < 1) {
            throw new IllegalArgumentException("quantity must be at least 1");
        }
        GenericRecord confirmation = new GenericData.Record(CONFIRMATION);
        confirmation.put("status", "accepted");
        confirmation.put("item", order.get("item").toString());
        return confirmation;
    }
}
