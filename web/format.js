"use strict";
/* Figures as people read them; the same rules as in src/view/format.c. */
const format = {
  three(value) {
    return value < 9.995 ? value.toFixed(2) : value < 99.95 ? value.toFixed(1) : value.toFixed(0);
  },
  count(value) {
    return Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, ",");
  },
  scaled(value, scales) {
    for (const [unit, suffix] of scales) {
      if (value >= unit * 0.9995) {
        return format.three(value / unit) + suffix;
      }
    }
    const [unit, suffix] = scales[scales.length - 1];
    return format.three(value / unit) + suffix;
  },
  number(value) {
    if (value === 0) {
      return "0";
    }
    if (Math.abs(value) < 999.5) {
      return format.three(value);
    }
    if (value > 0 && value < 9999.5) {
      return format.count(value);
    }
    return format.scaled(value, [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]]);
  },
  seconds(value) {
    const ms = value * 1000;
    if (ms === 0) {
      return "0 ms";
    }
    if (ms < 0.9995) {
      return ms.toFixed(3) + " ms";
    }
    if (ms < 999.5) {
      return format.three(ms) + " ms";
    }
    if (ms < 99950) {
      return format.three(value) + " s";
    }
    if (ms < 3599500) {
      const whole = Math.round(value);
      return Math.floor(whole / 60) + "m" + String(whole % 60).padStart(2, "0") + "s";
    }
    const minutes = Math.round(value / 60);
    return Math.floor(minutes / 60) + "h" + String(minutes % 60).padStart(2, "0") + "m";
  },
  clock(value) {
    const whole = Math.max(0, Math.floor(value));
    const two = (n) => String(n).padStart(2, "0");
    return whole < 3600 ? Math.floor(whole / 60) + ":" + two(whole % 60)
      : Math.floor(whole / 3600) + ":" + two(Math.floor(whole / 60) % 60) + ":" + two(whole % 60);
  },
  bytes(value) {
    return value < 999.5 ? value.toFixed(0) + " B"
      : format.scaled(value, [[1e15, " PB"], [1e12, " TB"], [1e9, " GB"], [1e6, " MB"], [1e3, " kB"]]);
  },
  bitrate(value) {
    const bits = value * 8;
    return bits < 999.5 ? bits.toFixed(0) + " bit/s"
      : format.scaled(bits, [[1e12, " Tbit/s"], [1e9, " Gbit/s"], [1e6, " Mbit/s"], [1e3, " kbit/s"]]);
  },
  percent(fraction) {
    const percent = fraction * 100;
    return percent === 0 ? "0 %" : percent > 0 && percent < 0.01 ? "<0.01 %" : format.three(percent) + " %";
  },
};
