// The retina's own picture: longitudes across and latitudes up, all over the picture.

uniform vec4 u_bounds;        // left, bottom, right, top in radians

out vec3 v_position;         // longitude, latitude, 0

void main() {
    vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
    v_position = vec3(mix(u_bounds.xy, u_bounds.zw, corner), 0.0);
    gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}
