"""What a package has to know about a 64-bit ELF program, and the one change that is made to it."""

import struct

PT_LOAD, PT_DYNAMIC, PT_NOTE, PT_GNU_RELRO = 1, 2, 4, 0x6474E552
NT_GNU_BUILD_ID = 3
SHT_SYMTAB = 2
DT_NULL, DT_NEEDED, DT_STRTAB, DT_RPATH, DT_RUNPATH = 0, 1, 5, 15, 29
DT_VERNEED, DT_VERNEEDNUM = 0x6FFFFFFE, 0x6FFFFFFF
MACHINES = {62: "x86_64", 183: "aarch64"}
DEBIAN_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
OCI_ARCHITECTURES = DEBIAN_ARCHITECTURES


class Program:
    """A program or library that is linked dynamically."""

    def __init__(self, data):
        self.data = bytearray(data)
        if self.data[:6] != b"\x7fELF\x02\x01":
            raise ValueError("this is no 64-bit little-endian ELF file")
        self.machine = MACHINES.get(struct.unpack_from("<H", self.data, 18)[0])
        if not self.machine:
            raise ValueError("this program is for another processor than x86_64 or aarch64")
        offset, size, count = struct.unpack_from("<Q", self.data, 32)[0], *struct.unpack_from("<HH", self.data, 54)
        self.segments = [struct.unpack_from("<IIQQQQQQ", self.data, offset + index * size) for index in range(count)]
        self.dynamic = list(self._dynamic())
        self.strings = self._file_offset(self._value(DT_STRTAB)) if self._value(DT_STRTAB) else None

    def _dynamic(self):
        """The entries of the dynamic section, as `(offset in the file, tag, value)`, up to the end mark."""
        for segment in self.segments:
            if segment[0] == PT_DYNAMIC:
                for offset in range(segment[2], segment[2] + segment[5], 16):
                    tag, value = struct.unpack_from("<QQ", self.data, offset)
                    yield offset, tag, value
                    if tag == DT_NULL:
                        return

    def _value(self, wanted):
        return next((value for _, tag, value in self.dynamic if tag == wanted), None)

    def _file_offset(self, address):
        for kind, _, offset, start, _, size, _, _ in self.segments:
            if kind == PT_LOAD and start <= address < start + size:
                return address - start + offset
        raise ValueError(f"address {address:#x} is in no segment of the file")

    def _text(self, offset):
        start = self.strings + offset
        return self.data[start:self.data.index(b"\0", start)].decode()

    @property
    def needed(self):
        """The names of the libraries that the loader looks for."""
        return [self._text(value) for _, tag, value in self.dynamic if tag == DT_NEEDED]

    @property
    def search_paths(self):
        return [self._text(value) for _, tag, value in self.dynamic if tag in (DT_RPATH, DT_RUNPATH)]

    @property
    def versions(self):
        """The symbol versions that each library must have: `{"libc.so.6": {"GLIBC_2.34", …}}`."""
        found, address = {}, self._value(DT_VERNEED)
        offset = self._file_offset(address) if address else 0
        for _ in range(self._value(DT_VERNEEDNUM) or 0):
            _, count, file, first, following = struct.unpack_from("<HHIII", self.data, offset)
            names, entry = found.setdefault(self._text(file), set()), offset + first
            for _ in range(count):
                _, _, _, name, further = struct.unpack_from("<IHHII", self.data, entry)
                names.add(self._text(name))
                entry += further
            offset += following
        return found

    @property
    def has_read_only_relocations(self):
        return any(segment[0] == PT_GNU_RELRO for segment in self.segments)

    @property
    def has_symbols(self):
        """Whether a section is a symbol table for linkers and debuggers."""
        offset, size, count = struct.unpack_from("<Q", self.data, 40)[0], *struct.unpack_from("<HH", self.data, 58)
        return any(struct.unpack_from("<I", self.data, offset + index * size + 4)[0] == SHT_SYMTAB for index in range(count))

    @property
    def build_id(self):
        """Offset and length of the build id in the file; None without one. The id connects a program with its debug symbols."""
        for kind, _, offset, _, _, size, _, _ in self.segments:
            position = offset
            while kind == PT_NOTE and position + 12 <= offset + size:
                name, length, note = struct.unpack_from("<III", self.data, position)
                value = position + 12 + -(-name // 4) * 4
                if note == NT_GNU_BUILD_ID and self.data[position + 12:value] == b"GNU\0":
                    return value, length
                position = value + -(-length // 4) * 4
        return None

    def removing_search_paths(self):
        """The file without RPATH and RUNPATH: a system package has its libraries where the loader looks anyway."""
        kept = [(tag, value) for _, tag, value in self.dynamic if tag not in (DT_RPATH, DT_RUNPATH)]
        kept += [(DT_NULL, 0)] * (len(self.dynamic) - len(kept))
        result = bytearray(self.data)
        for (offset, _, _), (tag, value) in zip(self.dynamic, kept):
            struct.pack_into("<QQ", result, offset, tag, value)
        return bytes(result)


def newest(versions, family):
    """The newest version of a family: `newest({"GLIBC_2.2.5", "GLIBC_2.34"}, "GLIBC")` is `2.34`; None without one."""
    numbers = [name.removeprefix(family + "_") for name in versions if name.startswith(family + "_")]
    numbers = [number for number in numbers if all(part.isdigit() for part in number.split("."))]
    return max(numbers, key=lambda number: [int(part) for part in number.split(".")], default=None)
