/// The version of this binary: what `scripts/stamp-version` wrote into it, or 0.0.0-dev.
const char *simpleai_build_version(void);
