// A pointer's beam, or (with u_dot > 0) the dot at its end: always turned to the eye.

uniform mat4 u_to_clip;      // world to clip coordinates
uniform vec3 u_eye;
uniform vec3 u_start;
uniform vec3 u_end;
uniform float u_width;       // of the beam, metres
uniform float u_dot;         // radius of the dot in metres, 0 for the beam

out vec2 v_position;         // beam: -1 to 1 across, 0 to 1 along; dot: -1 to 1 either way

void main() {
    vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
    vec3 point;
    if (u_dot > 0.0) {
        vec3 back = normalize(u_eye - u_end);
        vec3 right = normalize(cross(abs(back.y) < 0.99 ? vec3(0.0, 1.0, 0.0) : vec3(1.0, 0.0, 0.0), back));
        v_position = corner * 2.0 - 1.0;
        point = u_end + u_dot * (v_position.x * right + v_position.y * cross(back, right));
    } else {
        v_position = vec2(corner.x * 2.0 - 1.0, corner.y);
        vec3 on_beam = mix(u_start, u_end, corner.y);
        vec3 side = cross(u_end - u_start, u_eye - on_beam);
        float size = length(side);                      // 0 where the eye looks along the beam: nothing to see then
        point = on_beam + (size > 0.0 ? side / size : vec3(0.0)) * (v_position.x * 0.5 * u_width);
    }
    gl_Position = u_to_clip * vec4(point, 1.0);
}
