// exports.c — see exports.h. The file is somebody's: every offset in it is checked before it is used.
#include "conform/exports.h"

#include "finegrain/plugin.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#if __ELF_NATIVE_CLASS == 64
#define NATIVE_CLASS ELFCLASS64
#else
#define NATIVE_CLASS ELFCLASS32
#endif

/// A file in memory.
typedef struct image {
  const char *bytes;
  size_t count;
} image;

/// `count` items of `size` bytes at `offset`, NULL when they are not all in the file or not aligned.
static const void *items_at(const image *file, uint64_t offset, uint64_t count, size_t size, size_t alignment) {
  if (offset > file->count || count > (file->count - offset) / size || offset % alignment) return NULL;
  return file->bytes + offset;
}

/// The section header at `index`, NULL when there is none.
static const ElfW(Shdr) * section(const image *file, const ElfW(Ehdr) * header, uint64_t index) {
  const ElfW(Shdr) *all = items_at(file, header->e_shoff, header->e_shnum, sizeof *all, _Alignof(ElfW(Shdr)));
  return all && header->e_shentsize == sizeof *all && index < header->e_shnum ? &all[index] : NULL;
}

/// A name in a table of strings, NULL when it does not end there.
static const char *name_at(const image *file, const ElfW(Shdr) * strings, uint64_t offset) {
  const char *text = items_at(file, strings->sh_offset, strings->sh_size, 1, 1);
  if (!text || offset >= strings->sh_size) return NULL;
  return memchr(text + offset, 0, strings->sh_size - offset) ? text + offset : NULL;
}

static bool is_linkers_own(const char *name) {
  static const char *const own[] = {"_init", "_fini", "_edata", "_end", "__bss_start", "__start", "_DYNAMIC"};
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    if (strcmp(name, own[i]) == 0) return true;
  return false;
}

static bool is_exported(const ElfW(Sym) * symbol) {
  const unsigned binding = ELF64_ST_BIND(symbol->st_info), visibility = ELF64_ST_VISIBILITY(symbol->st_other);
  return symbol->st_shndx != SHN_UNDEF && symbol->st_shndx != SHN_ABS && binding != STB_LOCAL &&
         (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
}

static fg_status read_symbols(const image *file, const ElfW(Ehdr) * header, bool *plugin, unsigned *other_count,
                              char *others, size_t size, fg_error *error) {
  const ElfW(Shdr) *table = NULL;
  for (uint64_t s = 0; s < header->e_shnum && !table; s++) {
    table = section(file, header, s);
    if (!table) return fg_error_set(error, "its table of sections is damaged");
    if (table->sh_type != SHT_DYNSYM) table = NULL;
  }
  if (!table) return fg_error_set(error, "it has no table of dynamic symbols");
  const ElfW(Shdr) *strings = section(file, header, table->sh_link);
  const uint64_t count = table->sh_size / sizeof(ElfW(Sym));
  const ElfW(Sym) *symbols = items_at(file, table->sh_offset, count, sizeof *symbols, _Alignof(ElfW(Sym)));
  if (!strings || !symbols) return fg_error_set(error, "its table of dynamic symbols is damaged");
  for (uint64_t i = 0; i < count; i++) {
    if (!is_exported(&symbols[i])) continue;
    const char *name = name_at(file, strings, symbols[i].st_name);
    if (!name) return fg_error_set(error, "the name of a dynamic symbol is damaged");
    if (is_linkers_own(name)) continue;
    if (strcmp(name, FG_PLUGIN_SYMBOL) == 0) {
      *plugin = true;
      continue;
    }
    size_t at = strlen(others);
    if (at + 1 < size) snprintf(others + at, size - at, "%s%s", at ? ", " : "", name);
    ++*other_count;
  }
  return FG_OK;
}

fg_status fg_exports_read(const char *path, bool *plugin, unsigned *other_count, char *others, size_t size,
                          fg_error *error) {
  *plugin = false;
  *other_count = 0;
  others[0] = 0;
  struct stat info;
  int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0 || fstat(descriptor, &info) != 0) {
    fg_error_set(error, "cannot be read: %s", strerror(errno));
    if (descriptor >= 0) close(descriptor);
    return FG_FAILED;
  }
  void *bytes = info.st_size > 0 ? mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0) : MAP_FAILED;
  close(descriptor);
  if (bytes == MAP_FAILED) return fg_error_set(error, "it is empty, or no file");
  const image file = {bytes, (size_t)info.st_size};
  const ElfW(Ehdr) *header = items_at(&file, 0, 1, sizeof *header, 1);
  fg_status status;
  if (!header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_ident[EI_CLASS] != NATIVE_CLASS)
    status = fg_error_set(error, "it is no ELF file of this machine");
  else
    status = read_symbols(&file, header, plugin, other_count, others, size, error);
  munmap(bytes, file.count);
  return status;
}
