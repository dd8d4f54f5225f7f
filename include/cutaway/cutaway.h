// Everything public.
#pragma once

#include <cutaway/chat.h>
#include <cutaway/config.h>
#include <cutaway/dtype.h>
#include <cutaway/error.h>
#include <cutaway/hooks.h>
#include <cutaway/lens.h>
#include <cutaway/model.h>
#include <cutaway/runtime.h>
#include <cutaway/save.h>
#include <cutaway/tensor.h>
#include <cutaway/token_positions.h>
#include <cutaway/tokenizer.h>
#include <cutaway/version.h>
