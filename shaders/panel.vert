// A panel's interior, and the ring around it: its bezel, and the soft edge around that. Both share their corners, so that
// each pixel is drawn once.

uniform mat4 u_to_clip;      // panel coordinates (metres, x right, y up) to clip coordinates
uniform vec4 u_inner;        // the interior's left, lower, right and upper edge in metres; the ring's inner edge
uniform vec4 u_outer;        // the ring's outer edge

out vec3 v_position;         // in panel coordinates

const int RING = 10;         // vertices of a strip; four more are the interior

void main() {
    int at = gl_VertexID < RING ? gl_VertexID >> 1 : (gl_VertexID - RING) ^ ((gl_VertexID - RING) >> 1);
    ivec2 corner = ivec2((at + 1) >> 1 & 1, at >> 1 & 1);   // counter-clockwise
    vec4 edges = gl_VertexID < RING && (gl_VertexID & 1) != 0 ? u_outer : u_inner;
    v_position = vec3(corner.x == 0 ? edges.x : edges.z, corner.y == 0 ? edges.y : edges.w, 0.0);
    gl_Position = u_to_clip * vec4(v_position, 1.0);
}
