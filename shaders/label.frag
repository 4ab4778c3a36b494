// Letters over a plate with round corners, all in linear light.

const float CORNER = 0.25;   // em

uniform sampler2D u_ink;     // how much ink covers each texel
uniform vec4 u_plate;        // left, bottom, right, top in em
uniform vec4 u_colour;       // straight alpha
uniform vec4 u_background;

in vec2 v_position;
in vec2 v_texel;
flat in int v_letter;
out vec4 o_colour;           // premultiplied

void main() {
    vec2 middle = 0.5 * (u_plate.xy + u_plate.zw), half_size = 0.5 * (u_plate.zw - u_plate.xy);
    vec2 rounded = abs(v_position - middle) - half_size + CORNER;
    float rim = length(max(rounded, 0.0)) + min(max(rounded.x, rounded.y), 0.0) - CORNER;
    float plate = u_background.a * clamp(-rim / max(fwidth(rim), 1e-6), 0.0, 1.0);
    // Slightly sharper than the mipmap rule: text is read, and does not shimmer.
    float ink = u_colour.a * texture(u_ink, v_texel / vec2(textureSize(u_ink, 0)), -0.6).r;
    o_colour = v_letter == 0 ? vec4(u_background.rgb, 1.0) * plate : vec4(u_colour.rgb, 1.0) * ink;
}
