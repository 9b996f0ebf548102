package orders;

import io.micronaut.serde.annotation.Serdeable;

@Serdeable
public record Order(String item, int quantity) {}
