// A line of the floor's grid, which fades into the room before there is a horizon.

const vec3 LIGHT = vec3(0.034, 0.037, 0.043);           // linear light

uniform float u_reach;       // metres within which the floor is seen

in vec2 v_ground;
in float v_across;
in float v_half;
in float v_faint;
out vec4 o_colour;           // premultiplied

void main() {
    float near = clamp(1.0 - dot(v_ground, v_ground) / (u_reach * u_reach), 0.0, 1.0);
    float ink = clamp(v_half + 0.5 - abs(v_across), 0.0, 1.0) * v_faint * near * near;
    o_colour = vec4(LIGHT, 1.0) * ink;
}
