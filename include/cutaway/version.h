// The one place that states the version; CMake and the Python build read it from here.
#pragma once

#define CUTAWAY_VERSION "0.1.0"
