// A cap of the unit sphere, scaled to the retina.

layout(location = 0) in vec3 a_position;

uniform mat4 u_to_clip;      // retina coordinates (metres, pole along -z) to clip coordinates
uniform float u_radius;      // metres

out vec3 v_position;         // in retina coordinates; only its direction from the eye is used

void main() {
    v_position = a_position * u_radius;
    gl_Position = u_to_clip * vec4(v_position, 1.0);
}
