package orders;

public record Confirmation(String status, String item) {}
