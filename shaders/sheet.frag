// The control panel's picture.

uniform sampler2D u_texture;

in vec2 v_texture;
out vec4 o_colour;

void main() {
    o_colour = vec4(texture(u_texture, v_texture).rgb, 1.0);
}
