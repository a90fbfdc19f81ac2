// hdf5_inside.c — see hdf5_inside.h.
#include "hdf5_inside.h"

#include <stddef.h>

/// Where the data of a set are that are not in the file of its head; NULL: they are.
static const char *elsewhere(hid_t set) {
  hid_t creation = H5Dget_create_plist(set);
  const char *where = NULL;
  if (creation < 0 || H5Pget_layout(creation) == H5D_VIRTUAL)
    where = "is virtual: its data lie in other data sets";
  else if (H5Pget_external_count(creation) != 0)
    where = "has its data in another file";
  if (creation >= 0) H5Pclose(creation);
  return where;
}

fg_status hdf5_lies_inside(hid_t file, hid_t set, const char *name, fg_error *error) {
  H5O_info_t root, own;
  const char *where = elsewhere(set);
  if (!where && (H5Oget_info2(file, &root, H5O_INFO_BASIC) < 0 || H5Oget_info2(set, &own, H5O_INFO_BASIC) < 0 ||
                 root.fileno != own.fileno))
    where = "is a link to another file";
  if (!where) return FG_OK;
  return fg_error_set(error, "data set '%.100s' %s; copy the data into this file (h5repack, or h5py)", name, where);
}
