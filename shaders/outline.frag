// A line around a region of interest, with dark on either side, as wide in the eye's pixels wherever one stands.

uniform vec2 u_half;         // half the region's width and height in metres
uniform float u_width;       // of the line, eye pixels
uniform float u_casing;      // of the dark, eye pixels
uniform vec3 u_colour;       // linear light

in vec2 v_metres;
out vec4 o_colour;           // premultiplied

float between(float value, float low, float high) {
    return clamp(value - low + 0.5, 0.0, 1.0) * clamp(high - value + 0.5, 0.0, 1.0);
}

void main() {
    vec2 right = dFdx(v_metres), down = dFdy(v_metres);
    vec2 pixel = max(vec2(length(vec2(right.x, down.x)), length(vec2(right.y, down.y))), vec2(1e-9));
    vec2 beyond = (abs(v_metres) - u_half) / pixel;
    float outside = length(max(beyond, 0.0)) + min(max(beyond.x, beyond.y), 0.0);
    float dark = 0.7 * between(outside, 0.5, u_width + 2.0 * u_casing + 0.5);
    float line = between(outside, u_casing + 0.5, u_casing + u_width + 0.5);
    o_colour = vec4(u_colour * line, max(dark, line));
}
