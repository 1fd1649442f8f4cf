// The version of the binary, in a slot of fixed size that scripts/stamp-version overwrites after the build: a new tag
// changes these bytes only, and compiles and links nothing.
//
// `volatile`, so that the compiler reads the slot at run time instead of inlining its initial value.

#include "CBuildVersion.h"

enum { slot_size = 64 };

// The marker occurs in the binary exactly once.
#define MARKER "simpleai-version-slot:"

__attribute__((used, aligned(16))) static const volatile char slot[slot_size] = MARKER "0.0.0-dev";

static char version[slot_size];

__attribute__((constructor)) static void read_slot(void) {
    int offset = sizeof(MARKER) - 1;
    for (int i = 0; offset + i < slot_size - 1; i++) {
        version[i] = slot[offset + i];
    }
}

const char *simpleai_build_version(void) {
    return version;
}
