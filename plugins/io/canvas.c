// canvas.c — see canvas.h.
#include "canvas.h"

#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int canvas_fits(uint64_t width, uint64_t height) {
  return width > 0 && height > 0 && width <= CANVAS_MOST_EXTENT && height <= CANVAS_MOST_EXTENT &&
         width * height <= CANVAS_MOST_PIXELS;
}

canvas canvas_new(uint32_t width, uint32_t height, rgb colour) {
  canvas c = {width, height, calloc((size_t)width * height, sizeof(rgb))};
  for (size_t i = 0; c.pixels && i < (size_t)width * height; i++) c.pixels[i] = colour;
  return c;
}

void canvas_free(canvas *c) {
  free(c->pixels);
  c->pixels = NULL;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int canvas_colour(const char *text, rgb *colour) {
  if (text[0] != '#' || strlen(text) != 7) return 0;
  uint8_t parts[3];
  for (int i = 0; i < 3; i++) {
    int high = hex_digit(text[1 + 2 * i]), low = hex_digit(text[2 + 2 * i]);
    if (high < 0 || low < 0) return 0;
    parts[i] = (uint8_t)(16 * high + low);
  }
  *colour = (rgb){parts[0], parts[1], parts[2]};
  return 1;
}

void canvas_paste(canvas *onto, const canvas *picture, uint32_t left, uint32_t top) {
  for (uint32_t y = 0; y < picture->height && top + y < onto->height; y++)
    for (uint32_t x = 0; x < picture->width && left + x < onto->width; x++)
      onto->pixels[(size_t)(top + y) * onto->width + left + x] = picture->pixels[(size_t)y * picture->width + x];
}

/// libpng's way of failing: the message is kept, then it jumps out.
static void keep_fault(png_structp png, png_const_charp message) {
  snprintf(png_get_error_ptr(png), 128, "libpng: %s", message);
  png_longjmp(png, 1);
}

static void ignore_warning(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

static void write_png(png_structp png, png_infop info, FILE *file, const canvas *c, const char *title) {
  png_init_io(png, file);
  png_set_IHDR(png, info, c->width, c->height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  png_text texts[2] = {{.compression = PNG_TEXT_COMPRESSION_NONE,
                        .key = (png_charp)(uintptr_t) "Title",
                        .text = (png_charp)(uintptr_t)title},
                       {.compression = PNG_TEXT_COMPRESSION_NONE,
                        .key = (png_charp)(uintptr_t) "Software",
                        .text = (png_charp)(uintptr_t) "finegrain"}};
  png_set_text(png, info, texts, 2);
  png_write_info(png, info);
  for (uint32_t y = 0; y < c->height; y++) png_write_row(png, (png_const_bytep)&c->pixels[(size_t)y * c->width]);
  png_write_end(png, NULL);
}

int canvas_write_png(const canvas *c, const char *path, const char *title, char fault[128]) {
  fault[0] = 0;
  FILE *file = fopen(path, "wb");
  if (!file) {
    snprintf(fault, 128, "%s", strerror(errno));
    return 0;
  }
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, fault, keep_fault, ignore_warning);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  if (!info)
    snprintf(fault, 128, "libpng has no memory");
  else if (setjmp(png_jmpbuf(png)) == 0)
    write_png(png, info, file, c, title);
  png_destroy_write_struct(&png, &info);
  if (fclose(file) != 0 && !fault[0]) snprintf(fault, 128, "%s", strerror(errno));
  return !fault[0];
}
