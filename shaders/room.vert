// The floor around the viewer: a square, wider than what is seen of it.

uniform mat4 u_to_clip;      // world to clip coordinates
uniform float u_floor;       // its height, metres
uniform float u_reach;       // metres to each side

out vec2 v_ground;           // metres

void main() {
    v_ground = (vec2(gl_VertexID & 1, gl_VertexID >> 1) * 2.0 - 1.0) * u_reach;
    gl_Position = u_to_clip * vec4(v_ground.x, u_floor, v_ground.y, 1.0);
}
