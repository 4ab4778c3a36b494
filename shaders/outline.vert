// The strip around a region of interest, as `vr_app.core.scene.outline.strip` makes it.

uniform mat4 u_to_clip;      // world to clip coordinates

layout(location = 0) in vec3 a_position;
layout(location = 1) in vec2 a_metres;

out vec2 v_metres;           // right and down of the region's middle, along the surface

void main() {
    v_metres = a_metres;
    gl_Position = u_to_clip * vec4(a_position, 1.0);
}
