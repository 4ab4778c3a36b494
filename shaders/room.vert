// The lines of a grid on the floor, each a strip as wide as the line, or as the eye's pixel where that is wider: thin lines
// grow fainter instead of breaking up, so that nothing shimmers.
//
// Defined before: LINES, across and along each; PIECES, that a line is cut into, so that its width follows the distance.

const int CORNERS[6] = int[6](0, 1, 2, 3, 2, 1);
const float SPACING = 1.0;   // metres
const float LINE = 0.014;    // metres wide
const float NEAR = 0.05;     // metres before the eye, as of the projection
const float BEHIND = 0.3;    // metres before the eye, within which a floor is not seen

uniform mat4 u_to_clip;      // world to clip coordinates
uniform vec2 u_half_size;    // of the picture, in the eye's pixels
uniform float u_floor;       // its height, metres
uniform float u_reach;       // metres to each side

out vec2 v_ground;           // metres
out float v_across;          // the eye's pixels from the line's middle
out float v_half;            // half the width that is drawn, the eye's pixels
out float v_faint;           // how much of that the line would cover

vec4 clip(vec2 ground) {
    return u_to_clip * vec4(ground.x, u_floor, ground.y, 1.0);
}

vec2 pixels(vec4 at) {
    return at.xy / max(at.w, NEAR) * u_half_size;
}

void main() {
    int line = gl_VertexID / (6 * PIECES), piece = gl_VertexID / 6 % PIECES, corner = CORNERS[gl_VertexID % 6];
    bool along = line >= LINES;
    float beside = float(line % LINES - LINES / 2) * SPACING;
    float at = (2.0 * float(piece + (corner >> 1)) / float(PIECES) - 1.0) * u_reach;
    vec2 ground = along ? vec2(at, beside) : vec2(beside, at);
    vec2 across = along ? vec2(0.0, 1.0) : vec2(1.0, 0.0);
    float per_metre = length(pixels(clip(ground + 0.01 * across)) - pixels(clip(ground - 0.01 * across))) / 0.02;
    if (clip(ground).w < BEHIND) per_metre = 1e3;       // nothing is told there: any thin strip will do
    per_metre = max(per_metre, 1.0);
    v_half = max(0.5 * LINE * per_metre, 0.75);
    v_faint = min(1.0, 0.5 * LINE * per_metre / v_half);
    v_across = (v_half + 1.0) * float((corner & 1) * 2 - 1);
    v_ground = ground + across * (v_across / per_metre);
    gl_Position = clip(v_ground);
}
