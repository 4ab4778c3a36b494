// A corner of the control panel's triangles.

layout(location = 0) in vec2 a_position;     // texels from the upper left corner
layout(location = 1) in vec2 a_texture;
layout(location = 2) in vec4 a_colour;       // sRGB, straight alpha

uniform vec2 u_size;         // of the panel in texels

out vec2 v_texture;
out vec4 v_colour;

void main() {
    v_texture = a_texture;
    v_colour = a_colour;
    vec2 across = a_position / u_size * 2.0 - 1.0;
    gl_Position = vec4(across.x, -across.y, 0.0, 1.0);
}
