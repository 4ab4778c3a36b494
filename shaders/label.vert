// A line of text: the plate behind it, then each of its letters, as two triangles.
//
// Defined before: GLYPHS, letters that u_glyphs has room for; EM and ROW_HEIGHT, in texels of the letters' texture.

const int CORNERS[6] = int[6](0, 1, 2, 3, 2, 1);

uniform mat4 u_to_clip;      // label coordinates (em, x right, y up) to clip coordinates
uniform float u_bend;        // of the line, one over its radius in em; 0: it is straight
uniform vec4 u_plate;        // left, bottom, right, top in em
uniform vec2 u_start;        // em: the text's left end, and the upper edge of its letters' rows
uniform vec4 u_glyphs[GLYPHS];   // of each letter: left edge in em from the text's left end; column and width in texels,
                                 // and row, in the letters' texture

out vec2 v_position;         // em
out vec2 v_texel;            // in the letters' texture
flat out int v_letter;       // 0 on the plate

void main() {
    int corner = CORNERS[gl_VertexID % 6];
    vec2 across = vec2(corner & 1, corner >> 1);
    v_letter = gl_VertexID / 6;
    if (v_letter == 0) {
        v_position = mix(u_plate.xy, u_plate.zw, across);
        v_texel = vec2(0.0);
    } else {
        vec4 glyph = u_glyphs[v_letter - 1];
        vec2 texels = vec2(across.x * glyph.z, (1.0 - across.y) * ROW_HEIGHT);
        v_position = u_start + vec2(glyph.x, 0.0) + vec2(texels.x, -texels.y) / EM;
        v_texel = vec2(glyph.y, glyph.w * ROW_HEIGHT) + texels;
    }
    float angle = v_position.x * u_bend;
    vec2 at = u_bend == 0.0 ? vec2(v_position.x, 0.0) : vec2(sin(angle), 1.0 - cos(angle)) / u_bend;
    gl_Position = u_to_clip * vec4(at.x, v_position.y, at.y, 1.0);
}
