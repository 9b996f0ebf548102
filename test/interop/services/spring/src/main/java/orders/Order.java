package orders;

public record Order(String item, int quantity) {}
