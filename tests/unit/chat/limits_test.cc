// Templates come out of model files: whatever they do ends soon, with an error that says why.
#include "fixture.h"

namespace cutaway {
namespace {

// What the error says, "" if there is none.
std::string failure(const std::string& source, ChatOptions options = {}) {
  try {
    ChatTemplate::parse(source).render({}, options);
  } catch (const FormatError& error) {
    return error.what();
  }
  return {};
}

testing::AssertionResult says(const std::string& message, const std::string& part) {
  if (message.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "'" << message << "' does not say '" << part << "'";
}

std::string repeated(const std::string& text, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += text;
  return out;
}

TEST(ChatLimits, LoopsInLoopsEnd) {
  const std::string loops =
      repeated("{% for i in range(100000) %}", 5) + repeated("{% endfor %}", 5);
  EXPECT_TRUE(says(failure(loops), "max_"));
  ChatOptions few;
  few.max_steps = 1000;
  EXPECT_TRUE(says(failure("{% for i in range(900) %}x{% endfor %}", few), "max_steps"));
}

TEST(ChatLimits, RangesAreShort) {
  EXPECT_TRUE(says(failure("{{ range(10**12) }}"), "range"));
  EXPECT_TRUE(says(failure("{{ range(-9223372036854775807, 9223372036854775807) }}"), "range"));
  EXPECT_EQ(failure("{{ range(9223372036854775807, -9223372036854775807)|length }}"), "");
}

TEST(ChatLimits, OutputIsBounded) {
  ChatOptions small;
  small.max_output = 100;
  EXPECT_TRUE(says(failure("{% for i in range(101) %}x{% endfor %}", small), "max_output"));
  EXPECT_EQ(failure("{% for i in range(100) %}x{% endfor %}", small), "");
}

TEST(ChatLimits, MemoryIsBounded) {
  EXPECT_TRUE(says(failure("{{ 'x' * 10**12 }}"), "max_bytes"));
  EXPECT_TRUE(says(failure("{{ ('x' * 1000000) * 1000000 }}"), "max_bytes"));
  EXPECT_TRUE(says(failure("{{ [0] * 10**15 }}"), "max_bytes"));
  EXPECT_TRUE(says(failure("{% set ns = namespace(s='x') %}{% for i in range(100) %}"
                           "{% set ns.s = ns.s ~ ns.s %}{% endfor %}"),
                   "max_bytes"));
  EXPECT_TRUE(says(failure("{{ 'x'.center(10**12) }}"), "max_bytes"));
  EXPECT_TRUE(says(failure("{{ 'x'.zfill(10**12) }}"), "max_bytes"));
  EXPECT_TRUE(says(failure("{{ 'x'|indent(10**12, true) }}"), "max_bytes"));
  EXPECT_TRUE(says(failure("{{ [1]|tojson(indent=10**12) }}"), "max_bytes"));
  EXPECT_TRUE(says(failure("{{ ('x' * 100000).replace('x', 'y' * 100000) }}"), "max_bytes"));
  EXPECT_TRUE(says(failure("{{ ('x' * 100000).replace('', 'y' * 100000) }}"), "max_bytes"));
  EXPECT_TRUE(says(failure("{{ ('y' * 100000).join('x' * 100000) }}"), "max_bytes"));
  EXPECT_TRUE(says(failure("{{ (' ' * 100000000).split(' ') }}"), "max_bytes"));
  EXPECT_TRUE(says(failure("{{ '%1000000000d' % 1 }}"), "width"));
  EXPECT_TRUE(says(failure("{{ '{:1000000000}'.format(1) }}"), "width"));
  EXPECT_TRUE(says(failure("{{ [1]|batch(10**12, 0)|list }}"), "max_bytes"));
}

TEST(ChatLimits, ValuesShareButPrintingThemAllIsBounded) {
  // 2^50 leaves in 50 lists.
  const std::string grow =
      "{% set ns = namespace(l=[0]) %}{% for i in range(50) %}{% set ns.l = [ns.l, ns.l] %}"
      "{% endfor %}";
  EXPECT_TRUE(says(failure(grow + "{{ ns.l }}"), "max_"));
  EXPECT_TRUE(says(failure(grow + "{{ ns.l|tojson }}"), "max_"));
  EXPECT_TRUE(says(failure(grow + "{{ ns.l == ns.l|list }}"), "max_steps"));
}

TEST(ChatLimits, DepthIsBoundedEverywhere) {
  EXPECT_TRUE(says(failure("{{ " + repeated("(", 5000) + repeated(")", 5000) + " }}"), "nested"));
  EXPECT_TRUE(says(failure("{{ " + repeated("[", 5000) + repeated("]", 5000) + " }}"), "nested"));
  EXPECT_TRUE(says(failure("{{ " + repeated("not ", 5000) + "1 }}"), "nested"));
  EXPECT_TRUE(says(failure("{{ " + repeated("-", 5000) + "1 }}"), "nested"));
  EXPECT_TRUE(says(failure("{{ 1" + repeated(" + 1", 5000) + " }}"), "deep"));
  EXPECT_TRUE(says(failure("{{ x" + repeated(".a", 5000) + " }}"), "deep"));
  EXPECT_TRUE(says(failure("{{ x" + repeated("|upper", 5000) + " }}"), "deep"));
  EXPECT_TRUE(says(failure("{{ 1" + repeated(" if 1 else 1", 5000) + " }}"), "nested"));
  EXPECT_TRUE(says(failure("{{ x" + repeated("(", 5000) + repeated(")", 5000) + " }}"), "nested"));
  EXPECT_TRUE(says(failure(repeated("{% if 1 %}", 5000)), "nested"));
  EXPECT_TRUE(says(failure(repeated("{% for x in [1] %}", 5000)), "nested"));
  EXPECT_TRUE(says(failure("{% if 0 %}" + repeated("{% elif 0 %}", 5000) + "{% endif %}"), "elif"));
  EXPECT_TRUE(
      says(failure("{% set " + repeated("(", 5000) + repeated(")", 5000) + " %}"), "nested"));
  EXPECT_TRUE(says(failure("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"), "deep"));
  EXPECT_TRUE(says(failure("{% macro f(a=f()) %}{% endmacro %}{{ f() }}"), "deep"));
  EXPECT_TRUE(says(failure("{% macro f() %}{% call f() %}{{ caller() }}{% endcall %}{{ caller() }}"
                           "{% endmacro %}{% call f() %}{% endcall %}"),
                   "deep"));
  EXPECT_TRUE(says(failure("{{ 'a'|map(*(['map'] * 2000))|list }}"), "deep"));
}

TEST(ChatLimits, ValuesInValuesAreBounded) {
  const auto chain = [](const std::string& step) {
    return "{% set ns = namespace(x=[0]) %}{% for i in range(90000) %}{% set ns.x = " + step +
           " %}{% endfor %}";
  };
  EXPECT_TRUE(says(failure(chain("[ns.x]")), "deep"));
  EXPECT_TRUE(says(failure(chain("{'a': ns.x}")), "deep"));
  EXPECT_TRUE(says(failure(chain("[ns.x.index]")), "deep"));
  EXPECT_TRUE(says(failure(chain("cycler(ns.x)")), "deep"));
  EXPECT_TRUE(says(failure(chain("joiner(ns.x)")), "deep"));
  EXPECT_TRUE(says(failure("{% set ns = namespace(x=[0]) %}{% for i in range(9000) %}"
                           "{% for a in [ns.x] %}{% set ns.x = loop %}{% endfor %}{% endfor %}"),
                   "deep"));
}

// With a leak checker this also holds that they are freed.
TEST(ChatLimits, CyclesAndLongChainsEndWithTheRun) {
  EXPECT_EQ(
      failure("{% set ns = namespace() %}{% set ns.self = ns %}{{ ns.self.self is defined }}"), "");
  EXPECT_TRUE(says(failure("{% set ns = namespace() %}{% set ns.self = ns %}{{ ns }}"), "deep"));
  EXPECT_EQ(failure("{% set ns = namespace(x=0) %}{% for i in range(20000) %}"
                    "{% set ns.x = namespace(x=ns.x) %}{% endfor %}"),
            "");
  EXPECT_EQ(failure("{% set ns = namespace(h=0) %}{% macro f() %}{% set before = ns.h %}"
                    "{% macro g() %}{% endmacro %}{% set ns.h = g %}{% endmacro %}"
                    "{% for i in range(20000) %}{{ f() }}{% endfor %}{% set ns.h = 1 %}"),
            "");
}

TEST(ChatLimits, SearchingIsLinear) {
  // Naively 10^14 comparisons.
  EXPECT_EQ(failure("{% set hay = 'a' * 10000000 %}{% set needle = 'a' * 5000000 ~ 'b' %}"
                    "{{ needle in hay }}{{ hay.find(needle) }}{{ hay.count(needle) }}"),
            "");
  EXPECT_NE(failure("{{ ('a' * 10000000).strip('b' * 10000000 ~ 'a') }}"), "");
}

}  // namespace
}  // namespace cutaway
