// A sheet in the room, with the lower left part of its picture on it.

uniform mat4 u_to_clip;      // sheet coordinates (metres, x right, y up) to clip coordinates
uniform vec2 u_half;         // half its width and height in metres
uniform vec2 u_part;         // how much of the picture it shows, across and up

out vec2 v_texture;

void main() {
    vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
    v_texture = corner * u_part;
    gl_Position = u_to_clip * vec4((corner * 2.0 - 1.0) * u_half, 0.0, 1.0);
}
