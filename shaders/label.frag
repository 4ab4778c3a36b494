// Ink over a plate with round corners, both in linear light.

const float CORNER = 0.25;   // em

uniform sampler2D u_ink;
uniform vec4 u_plate;        // left, bottom, right, top in em
uniform vec4 u_texture;      // the same of the texture
uniform vec4 u_colour;       // straight alpha
uniform vec4 u_background;

in vec2 v_position;
out vec4 o_colour;           // premultiplied

void main() {
    vec2 middle = 0.5 * (u_plate.xy + u_plate.zw), half_size = 0.5 * (u_plate.zw - u_plate.xy);
    vec2 rounded = abs(v_position - middle) - half_size + CORNER;
    float rim = length(max(rounded, 0.0)) + min(max(rounded.x, rounded.y), 0.0) - CORNER;
    float plate = u_background.a * clamp(-rim / max(fwidth(rim), 1e-6), 0.0, 1.0);
    vec2 at = (v_position - u_texture.xy) / (u_texture.zw - u_texture.xy);
    // Slightly sharper than the mipmap rule: text is read, and does not shimmer.
    float ink = u_colour.a * texture(u_ink, vec2(at.x, 1.0 - at.y), -0.6).r;
    if (any(lessThan(at, vec2(0.0))) || any(greaterThan(at, vec2(1.0)))) ink = 0.0;
    o_colour = mix(vec4(u_background.rgb, 1.0) * plate, vec4(u_colour.rgb, 1.0), ink);
}
