package orders;

import io.micronaut.serde.annotation.Serdeable;

@Serdeable
public record Confirmation(String status, String item) {}
