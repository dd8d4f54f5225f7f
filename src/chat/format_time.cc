// strftime in the C locale, without the clock or the time zone of the machine.
#include <array>
#include <chrono>

#include <fmt/format.h>

#include "chat/builtins.h"

namespace cutaway::chat {
namespace {

using namespace std::chrono;

constexpr std::array<std::string_view, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};

struct Moment {
  int year, month, day, weekday, yearday;  // yearday from 0; weekday from Sunday
  int hour, minute, second;
  std::int64_t seconds;
};

Moment moment_of(std::int64_t seconds) {
  // Years 1 to 9999, as Python's datetime.
  if (seconds < -62135596800 || seconds > 253402300799) {
    fail(fmt::format("strftime_now: {} seconds since 1970 is beyond the years 1 to 9999", seconds));
  }
  const sys_seconds time{std::chrono::seconds{seconds}};
  const sys_days days = floor<std::chrono::days>(time);
  const year_month_day date{days};
  const hh_mm_ss clock{time - days};
  const sys_days first = sys_days{date.year() / January / 1};
  return {.year = int{date.year()},
          .month = static_cast<int>(unsigned{date.month()}),
          .day = static_cast<int>(unsigned{date.day()}),
          .weekday = static_cast<int>(weekday{days}.c_encoding()),
          .yearday = static_cast<int>((days - first).count()),
          .hour = static_cast<int>(clock.hours().count()),
          .minute = static_cast<int>(clock.minutes().count()),
          .second = static_cast<int>(clock.seconds().count()),
          .seconds = seconds};
}

// ISO 8601: the year and the week that the Thursday of this week is in.
std::pair<int, int> iso_week(const Moment& m) {
  const int monday_based = (m.weekday + 6) % 7;
  int thursday = m.yearday - monday_based + 3;
  const auto length = [](int y) { return year{y}.is_leap() ? 366 : 365; };
  int y = m.year;
  if (thursday < 0) {
    --y;
    thursday += length(y);
  } else if (thursday >= length(y)) {
    thursday -= length(y);
    ++y;
  }
  return {y, thursday / 7 + 1};
}

std::string number(int value, int width, char flag, char pad = '0') {
  if (flag == '-') return std::to_string(value);
  if (flag == '_') pad = ' ';
  if (flag == '0') pad = '0';
  return pad == '0' ? fmt::format("{:0{}}", value, width) : fmt::format("{:{}}", value, width);
}

std::string field(char c, const Moment& m, char flag) {
  const auto name = [](std::string_view full) { return std::string(full); };
  const int hour12 = m.hour % 12 == 0 ? 12 : m.hour % 12;
  switch (c) {
    case 'a':
      return name(kDays[static_cast<std::size_t>(m.weekday)].substr(0, 3));
    case 'A':
      return name(kDays[static_cast<std::size_t>(m.weekday)]);
    case 'b':
    case 'h':
      return name(kMonths[static_cast<std::size_t>(m.month - 1)].substr(0, 3));
    case 'B':
      return name(kMonths[static_cast<std::size_t>(m.month - 1)]);
    case 'c':
      return fmt::format("{} {} {:2} {} {}", field('a', m, 0), field('b', m, 0), m.day,
                         field('T', m, 0), m.year);
    case 'C':
      return number(m.year / 100, 2, flag);
    case 'd':
      return number(m.day, 2, flag);
    case 'D':
    case 'x':
      return fmt::format("{:02}/{:02}/{:02}", m.month, m.day, m.year % 100);
    case 'e':
      return number(m.day, 2, flag, ' ');
    case 'F':
      return fmt::format("{}-{:02}-{:02}", m.year, m.month, m.day);
    case 'f':
      return "000000";
    case 'g':
      return number(iso_week(m).first % 100, 2, flag);
    case 'G':
      return std::to_string(iso_week(m).first);
    case 'H':
      return number(m.hour, 2, flag);
    case 'I':
      return number(hour12, 2, flag);
    case 'j':
      return number(m.yearday + 1, 3, flag);
    case 'k':
      return number(m.hour, 2, flag, ' ');
    case 'l':
      return number(hour12, 2, flag, ' ');
    case 'm':
      return number(m.month, 2, flag);
    case 'M':
      return number(m.minute, 2, flag);
    case 'n':
      return "\n";
    case 'p':
      return m.hour < 12 ? "AM" : "PM";
    case 'P':
      return m.hour < 12 ? "am" : "pm";
    case 'r':
      return fmt::format("{:02}:{:02}:{:02} {}", hour12, m.minute, m.second, field('p', m, 0));
    case 'R':
      return fmt::format("{:02}:{:02}", m.hour, m.minute);
    case 's':
      return std::to_string(m.seconds);
    case 'S':
      return number(m.second, 2, flag);
    case 't':
      return "\t";
    case 'T':
    case 'X':
      return fmt::format("{:02}:{:02}:{:02}", m.hour, m.minute, m.second);
    case 'u':
      return std::to_string(m.weekday == 0 ? 7 : m.weekday);
    case 'U':
      return number((m.yearday + 7 - m.weekday) / 7, 2, flag);
    case 'V':
      return number(iso_week(m).second, 2, flag);
    case 'w':
      return std::to_string(m.weekday);
    case 'W':
      return number((m.yearday + 7 - (m.weekday + 6) % 7) / 7, 2, flag);
    case 'y':
      return number(m.year % 100, 2, flag);
    case 'Y':
      return std::to_string(m.year);
    case 'z':  // the moment has no time zone, as datetime.now()
    case 'Z':
      return "";
    case '%':
      return "%";
    default:
      fail_unsupported(fmt::format("strftime_now: the directive '%{}'", c));
  }
}

}  // namespace

std::string format_time(std::string_view format, std::int64_t seconds) {
  const Moment moment = moment_of(seconds);
  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      out += format[i];
      continue;
    }
    char flag = 0;
    if ((format[i + 1] == '-' || format[i + 1] == '_' || format[i + 1] == '0') &&
        i + 2 < format.size()) {
      flag = format[++i];
    }
    out += field(format[++i], moment, flag);
  }
  return out;
}

}  // namespace cutaway::chat
