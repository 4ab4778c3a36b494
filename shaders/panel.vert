// A rectangle about the panel's middle, large enough for its bezel and the soft edge around it.

uniform mat4 u_to_clip;      // panel coordinates (metres, x right, y up) to clip coordinates
uniform vec2 u_half;         // half the rectangle's width and height in metres

out vec3 v_position;         // in panel coordinates

void main() {
    vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 2.0 - 1.0;
    v_position = vec3(corner * u_half, 0.0);
    gl_Position = u_to_clip * vec4(v_position, 1.0);
}
