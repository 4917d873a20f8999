// The months of the Chinese calendar from 1900 to 2100: "year first-day leap months". The first day is that of the first
// month in the solar calendar, leap the number of the month that comes twice (0 where none does), and months one letter
// for each month in order, the leap one behind its twin: b of 30 days (大), s of 29 (小).
import lunar from 'lunar-javascript';

export function lunarYears() {
  const lines = [];
  for (let year = 1900; year <= 2100; year += 1) {
    const months = lunar.LunarYear.fromYear(year).getMonths().filter((month) => month.getYear() === year);
    const first = lunar.Solar.fromJulianDay(months[0].getFirstJulianDay()).toYmd();
    const leap = lunar.LunarYear.fromYear(year).getLeapMonth();
    lines.push([year, first, leap, months.map((month) => (month.getDayCount() === 30 ? 'b' : 's')).join('')].join(' '));
  }
  return lines;
}
