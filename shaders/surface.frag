// A photograph on a panel or (with RETINA defined) on the curved retina, as a virtual texture. With UNROLLED too: on the
// retina unrolled by longitude and latitude.
//
// Photograph coordinates p count level-0 pixels from the page window's first pixel, so that they stay small, and exact
// in single precision, however large the photograph; q counts the window's tiles from there. All colours are linear
// light.
//
// Defined before: FADE, LEVEL and so on, how `vr_app.gl.pages` packs its numbers; INVENTED_FROM and INVENTED_FULL, grey
// levels between which the overlay of what the network added shows how much; INVENTED_OPACITY, at its most; INVENTION:
// it is shown; REGIONS along the photograph's edges, each with a curve of SAMPLES values; LUMA, what of red, green and blue makes lightness.
// OVERLAYS: layers may lie over the photograph. PLAIN: none does, no other overlay is on, no tile failed, and on a panel
// every pixel lies within its interior.
//
// Where software draws, `if` and the first turn of a loop are computed for every pixel, whoever needs them. Only further
// turns of a loop are left out; hence these definitions, and why `filtered` takes all its samples in one loop.

const float OUTLINE = 2.0;                              // eye pixels
const vec3 BEZEL_COLOUR = vec3(0.0122, 0.0130, 0.0144);
const float SLIGHT = 0.005;                             // eye pixels by which samples need not part
const float BEYOND = 0.5;                               // texels beyond a tile's edge that sampling may reach
const float HATCH_PERIOD = 0.030;                       // metres

uniform vec3 u_ai_colour;    // linear light, of all that marks synthesised pixels
uniform vec3 u_little;       // linear light, of the overlay where a little is invented
uniform vec3 u_much;         // where much
uniform vec3 u_restored;     // and where the decoded photograph is restored
#ifdef ADJUSTED               // the photograph is to look other than it was photographed
uniform int u_channel;       // shown as grey: 1 red, 2 green, 3 blue; 0: all three, in colour
uniform vec4 u_tone;         // added brightness, contrast, 1 / gamma, and how far local contrast is gone for
uniform vec3 u_mean;         // of the channels inside the photograph's field of view
uniform sampler2DArray u_curves;    // of local contrast: a row for each region, row by row of regions
#endif
#ifdef OVERLAYS               // layers lie over the photograph: at most so many
uniform int u_overlays;      // how many
uniform int u_first_overlay; // the first one's page window's layer in u_pages, the others' follow
uniform int u_replacing;     // so many of them, the first ones, lie in the photograph's place: alpha tells their departure
#endif
uniform sampler2DArray u_tiles;     // alpha: of the picture how far it departs (`sr_core.image.departure.in_alpha`)
uniform usampler2DArray u_pages;    // a texel per tile of the window, as `vr_app.gl.pages` makes them
uniform int u_page;          // the window's layer in it
uniform ivec2 u_window;      // columns and rows, in tiles
uniform float u_tiles_per_pixel;    // of the photograph
uniform uvec4 u_outside;     // the same for all tiles outside the window
uniform vec2 u_center;       // p seen in the middle of the surface
uniform vec2 u_per_metre;    // photograph pixels per metre along the surface, right and down
uniform vec4 u_photograph;   // p of the photograph's first corner (xy) and last corner (zw)
uniform float u_hair;        // photograph pixels: a hundredth of a pixel of the window's level
uniform float u_finer;       // pixels of the picture for each of the eye's, along a line
uniform vec2 u_size;         // panel: half width and half height in metres; retina: radius, and the cap's angle
#ifdef RETINA
uniform vec3 u_eye;          // the eye in retina coordinates
#else
uniform float u_bezel;       // metres
#endif

in vec3 v_position;
out vec4 o_colour;           // premultiplied

// Within the photograph by a hair, so that the last edge belongs to the last tile.
vec2 tiles_at(vec2 p) {
    return clamp(p, u_photograph.xy + u_hair, u_photograph.zw - u_hair) * u_tiles_per_pixel;
}

float power_of_2(int exponent) {
    return intBitsToFloat((exponent + 127) << 23);
}

// What the page tells of a tile of the window's level, counted from its first.
uvec4 entry(ivec2 tile) {
    if (any(greaterThanEqual(uvec2(tile), uvec2(u_window)))) {
        // Modulo 2^32 negative ones come out right too.
        uint edge = uint(TILE * CORNERS) >> (u_outside.y >> FINER & 15u);
        return uvec4(u_outside.x + edge * (uint(tile.x) + 65536u * uint(tile.y)), u_outside.yzw);
    }
    return texelFetch(u_pages, ivec3(tile, u_page), 0);
}

// The photograph at p: the mean of four samples spread over the eye's pixel where a texel is smaller, and one where it
// is larger. In between the four part gradually, so that no line shows where one turns into the other. All come from the
// tile around the first, whose gutter has what they need of its neighbours: of what lies below, then of what fades in
// above it.
vec3 filtered(vec2 p, vec2 right, vec2 down, ivec2 tile, uvec4 here) {
    float texels = power_of_2(int(here.w >> LEVEL) - int(LEVEL_ZERO));  // per photograph pixel
    float footprint = max(length(right), length(down)) * texels;
    float spread = 0.25 * clamp(2.0 * (footprint - 1.0), 0.0, 1.0);
    float fade = float(here.w >> FADE & 1023u) * 0.001;
    int taps = spread > SLIGHT ? 4 : 1;
    int samples = fade > 0.0 ? 2 * taps : taps;
    vec3 sum = vec3(0.0);
    for (int i = 0; i < samples; ++i) {
        bool above = i >= taps;
        uvec2 place = above ? here.zw : here.xy;
        vec2 corner = vec2(place.x & 65535u, place.x >> 16) / CORNERS;
        float edge = TILE * power_of_2(-int(place.y >> FINER & 15u));
        vec2 within = tiles_at(p + spread * (float((i & 1) * 2 - 1) * right + float((i & 2) - 1) * down)) - vec2(tile);
        vec2 at = (corner + clamp(edge * within, -BEYOND, edge + BEYOND)) / LAYER_EDGE;
        sum += textureLod(u_tiles, vec3(at, float(place.y & 4095u)), 0.0).rgb * (above ? fade : 1.0 - fade);
    }
    return sum / float(taps);
}

// Whether a synthesised pixel lies within the outline's width: in one of the eight tiles around this one, which the page
// tells of (from left to right and from top to bottom, this one in their midst). No eye's picture is so coarse that the
// outline would reach past them.
bool borders_synthesised(vec2 p, vec2 right, vec2 down, ivec2 tile, uint around) {
    uint met = 0u;
    for (int i = 0; around != 0u && i < 4; ++i) {
        vec2 along = (i & 1) == 0 ? right : down;
        vec2 there = tiles_at(p + (i < 2 ? OUTLINE : -OUTLINE) * u_finer * along);
        ivec2 step = clamp(ivec2(floor(there)) - tile, ivec2(-1), ivec2(1));
        met |= around >> uint(4 + step.x + 3 * step.y);
    }
    return (met & 1u) != 0u;
}

#ifdef OVERLAYS
// The layers that lie over the photograph, the first the lowest. Their page windows hold the same tiles as the
// photograph's; where one has none, alpha does not count.
vec3 overlaid(vec3 colour, vec2 p, ivec2 tile, int first, int end) {
    bool outside = any(greaterThanEqual(uvec2(tile), uvec2(u_window)));
    vec2 within = tiles_at(p) - vec2(tile);
    for (int i = first; i < (outside ? 0 : min(end, OVERLAYS)); ++i) {
        uvec4 here = texelFetch(u_pages, ivec3(tile, u_first_overlay + i), 0);
        float fade = float(here.w >> FADE & 1023u) * 0.001;
        vec4 sum = vec4(0.0);
        for (int j = 0; j < 2; ++j) {
            uvec2 place = j == 0 ? here.xy : here.zw;
            vec2 corner = vec2(place.x & 65535u, place.x >> 16) / CORNERS;
            float edge = TILE * power_of_2(-int(place.y >> FINER & 15u));
            vec2 at = (corner + clamp(edge * within, -BEYOND, edge + BEYOND)) / LAYER_EDGE;
            vec4 found = textureLod(u_tiles, vec3(at, float(place.y & 4095u)), 0.0);
            float opaque = i < u_replacing ? 1.0 : found.a;
            float part = opaque * float(place.y >> SYNTHESISED & 1u) * (j == 0 ? 1.0 - fade : fade);
            sum += vec4(found.rgb * part, part);
        }
        colour = colour * (1.0 - sum.a) + sum.rgb;
    }
    return colour;
}

// Which of the tiles around this one show what lies in the photograph's place, as a page tells it (AROUND).
uint replaced_around(ivec2 tile) {
    bool outside = any(greaterThanEqual(uvec2(tile), uvec2(u_window)));
    return outside || u_replacing == 0 ? 0u : texelFetch(u_pages, ivec3(tile, u_first_overlay), 0).y >> AROUND & 511u;
}
#endif

#ifdef ADJUSTED
// What local contrast makes of a value, at a place of the photograph (0 to 1): between the curves of the four regions
// around it.
float equalised(float value, vec2 at) {
    vec2 place = clamp(at * REGIONS - 0.5, 0.0, REGIONS - 1.0);
    vec2 first = min(floor(place), REGIONS - 2.0);
    vec2 part = place - first;
    float along = (value * (SAMPLES - 1.0) + 0.5) / SAMPLES;
    float sum = 0.0;
    for (int i = 0; i < 4; ++i) {
        vec2 corner = vec2(i & 1, i >> 1);
        vec2 share = mix(1.0 - part, part, corner);
        vec2 region = first + corner;
        float row = (region.y * REGIONS + region.x + 0.5) / (REGIONS * REGIONS);
        sum += share.x * share.y * textureLod(u_curves, vec3(along, row, float(u_page)), 0.0).r;
    }
    return sum;
}

// The photograph as it is to look (vr_app.core.view.appearance), at a place of it (0 to 1). In colour local contrast changes
// the lightness alone: what would then be beyond white is made paler.
vec3 adjusted(vec3 linear, vec2 at) {
    vec3 low = linear * 12.92, high = 1.055 * pow(max(linear, 0.0031308), vec3(1.0 / 2.4)) - 0.055;
    vec3 value = clamp(mix(high, low, vec3(lessThanEqual(linear, vec3(0.0031308)))), 0.0, 1.0);
    if (u_channel > 0) value = vec3(u_channel == 1 ? value.r : u_channel == 2 ? value.g : value.b);
    if (u_tone.w > 0.0) {
        float grey = max(dot(value, LUMA), 1e-4);
        float wanted = mix(grey, equalised(grey, at), u_tone.w);
        value *= wanted / grey;
        float most = max(value.r, max(value.g, value.b));
        if (most > 1.0) value = wanted + (value - wanted) * ((1.0 - wanted) / (most - wanted));
    }
    value = clamp((value - u_mean) * u_tone.y + u_mean + u_tone.x, 0.0, 1.0);
    value = pow(value, vec3(u_tone.z));
    vec3 dark = value / 12.92, light = pow((value + 0.055) / 1.055, vec3(2.4));
    return mix(light, dark, vec3(lessThanEqual(value, vec3(0.04045))));
}
#endif

#ifdef INVENTION
// What a tile tells of what is invented and restored, in grey levels, between the four texels around a place within it
// (in tiles of the window's level): its alpha holds two numbers, and cannot be filtered as it is.
vec2 departure_in(uvec2 place, vec2 within) {
    vec2 corner = vec2(place.x & 65535u, place.x >> 16) / CORNERS;
    float edge = TILE * power_of_2(-int(place.y >> FINER & 15u));
    vec2 at = corner + clamp(edge * within, -BEYOND, edge + BEYOND) - 0.5;
    ivec2 first = ivec2(floor(at));
    vec2 part = at - vec2(first), sum = vec2(0.0);
    for (int i = 0; i < 4; ++i) {
        ivec2 step = ivec2(i & 1, i >> 1);
        vec2 share = mix(1.0 - part, part, vec2(step));
        uint both = uint(255.0 * texelFetch(u_tiles, ivec3(first + step, int(place.y & 4095u)), 0).a + 0.5);
        sum += share.x * share.y * vec2(both & 15u, both >> 4);
    }
    return float(place.y >> SYNTHESISED & 1u) * sum;
}

vec2 departure_of(uvec4 here, vec2 within) {
    float fade = float(here.w >> FADE & 1023u) * 0.001;
    return mix(departure_in(here.xy, within), departure_in(here.zw, within), fade);
}

// Nothing where a pixel departs by a grey level or less, as rounding alone can; then more and more blue where it is
// restored, and over that yellow, and from half way on magenta, where it is invented: they differ in lightness or in
// blue, so that no kind of colour blindness mixes them up, and none is a fundus's.
vec3 marked_departure(vec3 colour, vec2 p, ivec2 tile, uvec4 here) {
    vec2 within = tiles_at(p) - vec2(tile);
    vec2 levels = departure_of(here, within);
#ifdef OVERLAYS
    bool outside = any(greaterThanEqual(uvec2(tile), uvec2(u_window)));
    if (u_replacing > 0 && !outside)
        levels += departure_of(texelFetch(u_pages, ivec3(tile, u_first_overlay), 0), within);
#endif
    vec2 much = clamp((levels - INVENTED_FROM) / (INVENTED_FULL - INVENTED_FROM), 0.0, 1.0);
    vec2 opacity = INVENTED_OPACITY * min(2.0 * much, 1.0);
    vec3 ramp = mix(u_little, u_much, clamp(2.0 * much.x - 1.0, 0.0, 1.0));
    return mix(mix(colour, u_restored, opacity.y), ramp, opacity.x);
}
#endif

vec3 hatched(vec3 colour, vec2 metres) {
    float along = (metres.x - metres.y) / HATCH_PERIOD;
    float soft = max(fwidth(along), 1e-6);
    float wave = abs(fract(along) - 0.5);               // 0 in the middle of a line, 0.5 between two
    float light = clamp((0.05 - wave) / soft + 0.5, 0.0, 1.0);
    float dark = clamp((0.11 - wave) / soft + 0.5, 0.0, 1.0);
    return mix(mix(colour, vec3(0.0), 0.5 * dark), vec3(0.6), 0.9 * light);
}

#ifdef RETINA
// arctan(x) / x as a function of x * x, for x up to 0.4, to 1e-7: drivers' own atan can be off by a tenth of a pixel.
float atan_ratio(float xx) {
    return 1.0 - xx * (1.0 / 3.0 - xx * (1.0 / 5.0 - xx * (1.0 / 7.0 - xx * (1.0 / 9.0 - xx * (1.0 / 11.0
        - xx * (1.0 / 13.0))))));
}

#ifdef UNROLLED
// sin(x) / x and cos(x) as functions of x * x, for x up to 1.5, to 1e-7, for the same reason.
float sin_ratio(float xx) {
    return 1.0 - xx / 6.0 * (1.0 - xx / 20.0 * (1.0 - xx / 42.0 * (1.0 - xx / 72.0 * (1.0 - xx / 110.0
        * (1.0 - xx / 156.0)))));
}

float cosine(float xx) {
    return 1.0 - xx / 2.0 * (1.0 - xx / 12.0 * (1.0 - xx / 30.0 * (1.0 - xx / 56.0 * (1.0 - xx / 90.0
        * (1.0 - xx / 132.0 * (1.0 - xx / 182.0))))));
}

// Where on the unit sphere this pixel of the unrolled picture lies.
vec3 on_sphere() {
    vec2 xx = v_position.xy * v_position.xy;
    vec2 sines = v_position.xy * vec2(sin_ratio(xx.x), sin_ratio(xx.y));
    float across = cosine(xx.y);
    return vec3(sines.x * across, sines.y, -cosine(xx.x) * across);
}
#else
// Where on the unit sphere the eye sees this pixel.
vec3 on_sphere() {
    vec3 along = normalize(v_position - u_eye);
    float half_b = dot(along, u_eye);
    float distance = -half_b + sqrt(max(half_b * half_b - dot(u_eye, u_eye) + u_size.x * u_size.x, 0.0));
    return (u_eye + distance * along) / u_size.x;
}
#endif

// Metres along the sphere from the pole, right and down; the angle from the pole in radians.
vec2 unrolled(out float angle) {
    vec3 point = on_sphere();
    // tan of half the angle is across / (1 + ahead); halved once more to keep the series short.
    float across = length(point.xy), ahead = 1.0 - point.z;
    float half_tan = across / ahead;
    float quarter = 1.0 / (ahead * (1.0 + sqrt(1.0 + half_tan * half_tan)));
    float ratio = 4.0 * quarter * atan_ratio(across * across * quarter * quarter);
    angle = across * ratio;
    return vec2(point.x, -point.y) * ratio * u_size.x;
}
#endif

void main() {
#ifdef RETINA
    float angle;
    vec2 metres = unrolled(angle);
#else
    vec2 metres = vec2(v_position.x, -v_position.y);
#endif
    vec2 p = u_center + metres * u_per_metre;
    vec2 right = dFdx(p), down = dFdy(p);
    ivec2 tile = ivec2(floor(tiles_at(p)));
    uvec4 here = entry(tile);
    uint around = here.y >> AROUND & 511u;
#ifdef OVERLAYS
    around |= replaced_around(tile);
#endif
    bool synthesised = (around & 16u) != 0u;
    vec3 colour = filtered(p, right, down, tile, here);
#ifdef OVERLAYS
    colour = overlaid(colour, p, tile, 0, u_replacing);
#endif
#ifdef ADJUSTED
    colour = adjusted(colour, (p - u_photograph.xy) / (u_photograph.zw - u_photograph.xy));
#endif
#ifdef OVERLAYS
    colour = overlaid(colour, p, tile, u_replacing, u_overlays);
#endif
#ifdef INVENTION
    colour = marked_departure(colour, p, tile, here);
#endif
#ifndef PLAIN
    if ((here.y >> FAILED & 1u) != 0u) colour = hatched(colour, metres);
#endif
    if (borders_synthesised(p, right, down, tile, synthesised ? 0u : around)) colour = u_ai_colour;
#if defined(PLAIN) && !defined(RETINA)
    o_colour = vec4(colour, 1.0);
#else
    // How far outside what holds photograph pixels this one lies, in eye pixels; negative within.
    vec2 past = max(u_photograph.xy - p, p - u_photograph.zw) / (abs(right) + abs(down));
    float outside = max(past.x, past.y);
#ifdef RETINA
    outside = max(outside, (angle - u_size.y) / fwidth(angle));
    vec4 frame = vec4(0.0);
#else
    vec2 beyond = abs(metres) - u_size;
    outside = max(outside, max(beyond.x / fwidth(metres.x), beyond.y / fwidth(metres.y)));
    float rim = length(max(beyond, 0.0)) + min(max(beyond.x, beyond.y), 0.0) - u_bezel;
    vec4 frame = vec4(BEZEL_COLOUR, 1.0) * clamp(0.5 - rim / fwidth(rim), 0.0, 1.0);
#endif
    // The outline's part in the frame: a line, and a faint glow.
    float away = outside / u_finer;
    float line = clamp(OUTLINE + 1.0 - away, 0.0, 1.0);
    float glow = away < 8.0 ? 0.25 * exp2((OUTLINE - away) / 1.5) : 0.0;
    float lined = synthesised ? clamp(max(line, glow), 0.0, 1.0) : 0.0;
    frame = mix(frame, vec4(u_ai_colour, 1.0), lined);
    o_colour = mix(frame, vec4(colour, 1.0), clamp(1.0 - outside, 0.0, 1.0));
#endif
}
