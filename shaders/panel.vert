// A panel's interior, and the ring around it: its bezel, and the soft edge around that. Both share their corners, so that
// each pixel is drawn once. A panel that is bent is drawn in upright columns, each of them flat.

uniform mat4 u_to_clip;      // panel coordinates (metres, x right, y up) to clip coordinates
uniform vec4 u_inner;        // the interior's left, lower, right and upper edge in metres; the ring's inner edge
uniform vec4 u_outer;        // the ring's outer edge
uniform float u_bend;        // one over the radius in metres; 0: flat
uniform int u_columns;
uniform int u_ring;          // 1: the ring, around the bottom from the left and back along the top; 0: the interior

out vec3 v_position;         // in panel coordinates, unrolled

// See vr_app.core.space.bend. The series are exact to 1e-7 for angles up to 1; drivers' own functions need not be.
vec3 bent(vec2 flat_at) {
    float angle = flat_at.x * u_bend, aa = angle * angle;
    float sine = 1.0 - aa / 6.0 * (1.0 - aa / 20.0 * (1.0 - aa / 42.0 * (1.0 - aa / 72.0)));
    float off = 0.5 * angle * (1.0 - aa / 12.0 * (1.0 - aa / 30.0 * (1.0 - aa / 56.0 * (1.0 - aa / 90.0))));
    return vec3(flat_at.x * sine, flat_at.y, flat_at.x * off);
}

void main() {
    int at = gl_VertexID >> 1, column, row;
    if (u_ring != 0) {
        column = at <= u_columns ? at : at <= 2 * u_columns + 1 ? 2 * u_columns + 1 - at : 0;
        row = at > u_columns && at <= 2 * u_columns + 1 ? 1 : 0;
    } else {
        column = at;
        row = 1 - (gl_VertexID & 1);
    }
    vec4 edges = u_ring != 0 && (gl_VertexID & 1) != 0 ? u_outer : u_inner;
    float along = float(column) / float(u_columns);
    vec2 flat_at = vec2(mix(edges.x, edges.z, along), row == 0 ? edges.y : edges.w);
    v_position = vec3(flat_at, 0.0);
    gl_Position = u_to_clip * vec4(bent(flat_at), 1.0);
}
