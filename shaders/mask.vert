// A piece of the picture that the headset's lens never shows.

layout(location = 0) in vec2 a_position;     // -1 to 1 across the picture and up

void main() {
    gl_Position = vec4(a_position, 0.0, 1.0);
}
