// Nothing but where it is.

void main() {
}
