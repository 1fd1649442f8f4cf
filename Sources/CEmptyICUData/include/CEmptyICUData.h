// Empty: this target is linked, never called. See data.c.
