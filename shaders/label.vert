// A line of text, or the plate behind it.

uniform mat4 u_to_clip;      // label coordinates (em, x right, y up) to clip coordinates
uniform vec4 u_plate;        // left, bottom, right, top of the rectangle drawn, in em

out vec2 v_position;         // em

void main() {
    v_position = mix(u_plate.xy, u_plate.zw, vec2(gl_VertexID & 1, gl_VertexID >> 1));
    gl_Position = u_to_clip * vec4(v_position, 0.0, 1.0);
}
