// A grid on the floor that fades into the room before there is a horizon. Where a line is thinner than the eye's pixel it
// is drawn as wide as one and fainter, and where lines come closer than two pixels all is their mean: nothing shimmers
// (after B. Golus, The Best Darn Grid Shader, 2023).

const float SPACING = 1.0;                              // metres
const float LINE = 0.014;                               // metres
const vec3 GROUND = vec3(0.0080, 0.0086, 0.0096);
const vec3 LINES = vec3(0.030, 0.033, 0.038);

uniform vec3 u_room;         // linear light, of what lies beyond
uniform float u_reach;       // metres within which the floor is seen

in vec2 v_ground;
out vec4 o_colour;

void main() {
    vec2 at = v_ground / SPACING;
    vec2 right = dFdx(at), down = dFdy(at);
    vec2 pixel = clamp(vec2(length(vec2(right.x, down.x)), length(vec2(right.y, down.y))), 1e-6, 1e3);
    const float width = LINE / SPACING;
    vec2 drawn = clamp(vec2(width), pixel, vec2(0.5));
    vec2 soft = 1.5 * pixel;
    vec2 away = abs(fract(at - 0.5) - 0.5) * 2.0;       // 0 on a line, 1 between two
    vec2 ink = smoothstep(drawn + soft, drawn - soft, away) * (width / drawn);
    ink = mix(ink, vec2(width), clamp(2.0 * pixel - 1.0, 0.0, 1.0));
    float near = clamp(1.0 - dot(v_ground, v_ground) / (u_reach * u_reach), 0.0, 1.0);
    vec3 floor_colour = mix(GROUND, LINES, mix(ink.x, 1.0, ink.y));
    o_colour = vec4(mix(u_room, floor_colour, near * near), 1.0);
}
