// An empty table of locale data, which replaces the 34 MB of data in Foundation's ICU.
//
// Some dependencies import all of Foundation, whose ICU finds its data by this symbol. Because this file defines it, the
// linker does not add the object file with the data from its archive. This project uses no locales, named time zones or
// date formatters (scripts/check-walls enforces this), and reads the host names of URLs in their encoded form. For any
// other use, ICU reports missing data, as for a locale that is not installed. The symbol contains ICU's version: with a
// toolchain that has another ICU, this table is not used, and the binary is larger.
//
// Layout: ICU 76, common/ucmndata.h (DataHeader, then a table of contents), common/unicode/udata.h (UDataInfo).

#include <stdint.h>

typedef struct {
    uint16_t header_size;
    uint8_t magic[2];
    uint16_t info_size;
    uint16_t reserved_word;
    uint8_t is_big_endian;
    uint8_t charset_family;
    uint8_t size_of_uchar;
    uint8_t reserved_byte;
    uint8_t data_format[4];
    uint8_t format_version[4];
    uint8_t data_version[4];
    uint8_t padding[8];
    uint32_t entry_count;
    uint32_t unused[3];
} empty_icu_data;

__attribute__((aligned(16))) const empty_icu_data icudt76_dat = {
    .header_size = 32,
    .magic = {0xda, 0x27},
    .info_size = 20,
    .is_big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,
    .charset_family = 0,
    .size_of_uchar = 2,
    .data_format = {'C', 'm', 'n', 'D'},
    .format_version = {1, 0, 0, 0},
    .data_version = {0, 0, 0, 0},
    .entry_count = 0,
};
