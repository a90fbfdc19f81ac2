// finegrain.h — the whole SDK: include this, export one symbol, link nothing.
#ifndef FINEGRAIN_H
#define FINEGRAIN_H

#include "abi.h"
#include "estimates.h"
#include "host.h"
#include "lattice.h"
#include "message.h"
#include "network.h"
#include "param.h"
#include "plugin.h"
#include "port.h"
#include "rng.h"
#include "stage.h"
#include "state.h"

#endif
