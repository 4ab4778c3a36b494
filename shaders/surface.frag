// A photograph on a panel or (with RETINA defined) on the curved retina, as a virtual texture. With UNROLLED too: on the
// retina unrolled by longitude and latitude.
//
// Photograph coordinates p count level-0 pixels from the page window's first pixel, so that they stay small, and exact
// in single precision, however large the photograph. All colours are linear light.
//
// Defined before: TILE and GUTTER, a tile's edge and what it keeps of its neighbours, in texels (with decimal point);
// ATLAS, slots along an edge of a layer of u_tiles; INVENTED_FROM and INVENTED_FULL, grey levels between which the
// overlay of what the network added shows how much; INVENTED_OPACITY, at its most. REGIONS along the photograph's edges,
// each with a curve of SAMPLES values; LUMA, what of red, green and blue makes lightness.

const int NO_SLOT = -1;
const float OUTLINE = 2.0;                              // eye pixels
const vec3 BEZEL_COLOUR = vec3(0.0122, 0.0130, 0.0144);
const float HATCH_PERIOD = 0.030;                       // metres

uniform vec3 u_ai_colour;    // linear light, of all that marks synthesised pixels
uniform int u_invention;     // 1: overlay how far synthesised pixels depart from what the photograph alone determines
uniform vec3 u_little;       // linear light, of the overlay where they depart a little
uniform vec3 u_much;         // and where much
#ifdef ADJUSTED               // the photograph is to look other than it was photographed
uniform int u_channel;       // shown as grey: 1 red, 2 green, 3 blue; 0: all three, in colour
uniform vec4 u_tone;         // added brightness, contrast, 1 / gamma, and how far local contrast is gone for
uniform sampler2DArray u_curves;    // of local contrast: a row for each region, row by row of regions
#endif
uniform sampler2DArray u_tiles;     // alpha: the departure in grey levels of 255
uniform isampler2DArray u_pages;    // two texels per tile of the window, as `vr_app.core.scene.PageWindow` lists them
uniform int u_page;          // the window's layer in it
uniform ivec4 u_window;      // first column, first row, columns, rows, in tiles
uniform int u_level;         // the window's
uniform ivec2 u_base;        // slot and level of the coarsest tile
uniform vec2 u_base_origin;  // the window's first pixel, in pixels of the base's level
uniform vec2 u_center;       // p seen in the middle of the surface
uniform vec2 u_per_metre;    // photograph pixels per metre along the surface, right and down
uniform vec4 u_photograph;   // p of the photograph's first corner (xy) and last corner (zw)
uniform vec2 u_size;         // panel: half width and half height in metres; retina: radius, and the cap's angle
#ifdef RETINA
uniform vec3 u_eye;          // the eye in retina coordinates
#else
uniform float u_bezel;       // metres
#endif

in vec3 v_position;
out vec4 o_colour;           // premultiplied

vec2 inside_photograph(vec2 p) {
    // A hundredth of a pixel within, so that the last edge belongs to the last tile.
    float hair = 0.01 * exp2(-float(max(u_level, 0)));
    return clamp(p, u_photograph.xy + hair, u_photograph.zw - hair);
}

void page(vec2 p, out ivec2 tile, out ivec4 slots, out ivec4 state) {
    tile = ivec2(floor(p * (exp2(float(u_level)) / TILE)));
    if (any(lessThan(tile, ivec2(0))) || any(greaterThanEqual(tile, u_window.zw))) {
        slots = ivec4(NO_SLOT, 0, NO_SLOT, 0);
        state = ivec4(0);
        return;
    }
    slots = texelFetch(u_pages, ivec3(2 * tile.x, tile.y, u_page), 0);
    state = texelFetch(u_pages, ivec3(2 * tile.x + 1, tile.y, u_page), 0);
}

int shown_level(ivec4 slots) {
    return slots.z != NO_SLOT ? slots.w : slots.x != NO_SLOT ? slots.y : u_base.y;
}

bool synthesised(ivec4 slots, ivec4 state) {
    bool below = slots.x != NO_SLOT && slots.y > 0;
    bool above = slots.z != NO_SLOT && slots.w > 0 && state.x > 0;
    return below || above;
}

vec4 texel(vec2 at, int slot) {
    int layer = slot / (ATLAS * ATLAS), place = slot % (ATLAS * ATLAS);
    vec2 corner = vec2(place % ATLAS, place / ATLAS);
    vec2 across = (at + GUTTER) / (TILE + 2.0 * GUTTER);
    return textureLod(u_tiles, vec3((corner + across) / float(ATLAS), float(layer)), 0.0);
}

// Where software draws, `if` computes both sides for every pixel, and only a loop is ever left out or ended early: that
// is why the choices below that save texture samples are loops.

// The photograph at p, from the page's tiles: the one below, then as much of the one above as has faded in. Alpha: how
// far it departs from what the photograph determines; 0 where that is what it shows.
vec4 photograph(vec2 p) {
    p = inside_photograph(p);
    ivec2 tile;
    ivec4 slots, state;
    page(p, tile, slots, state);
    float fade = slots.z == NO_SLOT ? 0.0 : float(state.x) * 0.001;
    vec4 colour = vec4(0.0);
    for (int above = fade < 1.0 ? 0 : 1; above <= (fade > 0.0 ? 1 : 0); ++above) {
        ivec2 found = above == 1 ? slots.zw : slots.xy;
        bool base = found.x == NO_SLOT;
        if (base) found = u_base;
        int finer = u_level - found.y;
        ivec2 first = (((tile + u_window.xy) >> finer) << finer) - u_window.xy;  // of the coarser tile, in the window's
        vec2 from = base ? u_base_origin : vec2(first) * (-TILE * exp2(-float(finer)));
        vec4 there = texel(p * exp2(float(found.y)) + from, found.x);
        if (found.y <= 0) there.a = 0.0;
        colour = above == 1 ? mix(colour, there, fade) : there;
    }
    return colour;
}

// One bilinear sample where a texel is larger than the eye's pixel; the mean of four spread over the eye's pixel where
// it is smaller. In between the four part gradually, so that no line shows where one turns into the other.
vec4 filtered(vec2 p, vec2 right, vec2 down, int level) {
    float footprint = max(length(right), length(down)) * exp2(float(level));
    float spread = 0.25 * clamp(2.0 * (footprint - 1.0), 0.0, 1.0);
    int taps = spread > 0.0 ? 4 : 1;
    vec4 sum = vec4(0.0);
    for (int i = 0; i < taps; ++i) {
        sum += photograph(p + spread * (float((i & 1) * 2 - 1) * right + float((i & 2) - 1) * down));
    }
    return sum / float(taps);
}

// Whether a synthesised pixel lies within the outline's width: in one of the eight tiles around this one, which the page
// tells of (from left to right and from top to bottom, this one in their midst). No eye's picture is so coarse that the
// outline would reach past them.
bool borders_synthesised(vec2 p, vec2 right, vec2 down, ivec2 tile, int around) {
    float per_pixel = exp2(float(u_level)) / TILE;
    int met = 0;
    for (int i = 0; around != 0 && i < 4; ++i) {
        vec2 along = (i & 1) == 0 ? right : down;
        vec2 there = inside_photograph(p + (i < 2 ? OUTLINE : -OUTLINE) * along);
        ivec2 step = clamp(ivec2(floor(there * per_pixel)) - tile, ivec2(-1), ivec2(1));
        met |= around >> (4 + step.x + 3 * step.y);
    }
    return (met & 1) != 0;
}

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

// The photograph as it is to look (vr_app.core.appearance), at a place of it (0 to 1). In colour local contrast changes
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
    value = clamp((value - 0.5) * u_tone.y + 0.5 + u_tone.x, 0.0, 1.0);
    value = pow(value, vec3(u_tone.z));
    vec3 dark = value / 12.92, light = pow((value + 0.055) / 1.055, vec3(2.4));
    return mix(light, dark, vec3(lessThanEqual(value, vec3(0.04045))));
}
#endif

// Nothing where a pixel departs by a grey level or less, as rounding alone can; then more and more yellow, and from half
// way on magenta: the two differ in lightness and in blue, so that no kind of colour blindness mixes them up, and
// neither is a fundus's.
vec3 marked_invention(vec3 colour, float departure) {
    float much = clamp((255.0 * departure - INVENTED_FROM) / (INVENTED_FULL - INVENTED_FROM), 0.0, 1.0);
    vec3 ramp = mix(u_little, u_much, clamp(2.0 * much - 1.0, 0.0, 1.0));
    return mix(colour, ramp, INVENTED_OPACITY * min(2.0 * much, 1.0));
}

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
    // How far outside what holds photograph pixels this one lies, in eye pixels; negative within.
    float outside;
#ifdef RETINA
    float angle;
    vec2 metres = unrolled(angle);
    outside = (angle - u_size.y) / fwidth(angle);
    vec4 frame = vec4(0.0);
#else
    vec2 metres = vec2(v_position.x, -v_position.y);
    vec2 beyond = (abs(metres) - u_size) / fwidth(metres);
    outside = max(beyond.x, beyond.y);
    vec2 rounded = abs(metres) - u_size;
    float rim = length(max(rounded, 0.0)) + min(max(rounded.x, rounded.y), 0.0) - u_bezel;
    vec4 frame = vec4(BEZEL_COLOUR, 1.0) * clamp(0.5 - rim / fwidth(rim), 0.0, 1.0);
#endif
    vec2 p = u_center + metres * u_per_metre;
    vec2 right = dFdx(p), down = dFdy(p);
    vec2 past = max(u_photograph.xy - p, p - u_photograph.zw) / (abs(right) + abs(down));
    outside = max(outside, max(past.x, past.y));

    float content = clamp(1.0 - outside, 0.0, 1.0);
    ivec2 tile;
    ivec4 slots, state;
    page(inside_photograph(p), tile, slots, state);
    vec4 shown = filtered(p, right, down, shown_level(slots));
#ifdef ADJUSTED
    shown.rgb = adjusted(shown.rgb, (p - u_photograph.xy) / (u_photograph.zw - u_photograph.xy));
#endif
    vec3 colour = u_invention != 0 ? marked_invention(shown.rgb, shown.a) : shown.rgb;
    if (state.y != 0) colour = hatched(colour, metres);
    if (synthesised(slots, state)) {
        // The outline's part in the frame: a line, and a faint glow.
        float line = clamp(OUTLINE + 1.0 - outside, 0.0, 1.0);
        float glow = outside < 8.0 ? 0.25 * exp2((OUTLINE - outside) / 1.5) : 0.0;
        frame = mix(frame, vec4(u_ai_colour, 1.0), clamp(max(line, glow), 0.0, 1.0));
    } else if (borders_synthesised(p, right, down, tile, state.z)) {
        colour = u_ai_colour;
    }
    o_colour = mix(frame, vec4(colour, 1.0), content);
}
