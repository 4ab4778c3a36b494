// Letters, thumbnails and plain areas of the control panel.

uniform sampler2D u_texture;

in vec2 v_texture;
in vec4 v_colour;            // sRGB, straight alpha
out vec4 o_colour;           // linear light, premultiplied

void main() {
    vec3 dark = v_colour.rgb / 12.92, light = pow((v_colour.rgb + 0.055) / 1.055, vec3(2.4));
    vec4 colour = vec4(mix(light, dark, vec3(lessThanEqual(v_colour.rgb, vec3(0.04045)))), v_colour.a);
    colour *= texture(u_texture, v_texture);
    o_colour = vec4(colour.rgb * colour.a, colour.a);
}
