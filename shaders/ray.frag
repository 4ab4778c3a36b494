// A soft beam that fades in from the hand, or a dot with a dark rim, seen on bright and on dark ground.

const vec3 LIGHT = vec3(0.85);

uniform float u_dot;

in vec2 v_position;
out vec4 o_colour;           // premultiplied

void main() {
    if (u_dot > 0.0) {
        float radius = length(v_position);
        float soft = fwidth(radius);
        float disc = clamp((1.0 - radius) / soft, 0.0, 1.0);
        float core = clamp((0.68 - radius) / soft + 0.5, 0.0, 1.0);
        o_colour = vec4(LIGHT * core, 1.0) * disc;
        return;
    }
    float across = 1.0 - v_position.x * v_position.x;
    o_colour = vec4(LIGHT, 1.0) * (0.55 * across * smoothstep(0.0, 0.35, v_position.y));
}
