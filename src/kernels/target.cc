// Which SIMD target the kernels run on.
#include <cutaway/runtime.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/target.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace cutaway::kernels::HWY_NAMESPACE {

const char* TargetName() { return hwy::TargetName(HWY_TARGET); }

}  // namespace cutaway::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cutaway {
namespace kernels {
HWY_EXPORT(TargetName);
}  // namespace kernels

std::string_view simd_target() noexcept {
  using namespace kernels;
  return HWY_DYNAMIC_DISPATCH(TargetName)();
}

}  // namespace cutaway
#endif
