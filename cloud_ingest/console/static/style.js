// How the map looks: vectors on a plain dark ground. No tiles, no glyphs, no sprites, so nothing is fetched from anywhere.

import { collection } from "./geometry.js";

export const SOURCES = ["views", "rooftops", "rays", "candidates", "region", "chimneys", "cameras"];

const byState = (open, closed, withdrawn) => ["match", ["get", "state"], "open", open, "closed", closed, withdrawn];

export function nightStyle() {
  return {
    version: 8,
    sources: Object.fromEntries(
      SOURCES.map((id) => [id, { type: "geojson", data: collection([]), ...(id === "rooftops" ? { promoteId: "rooftop" } : {}) }]),
    ),
    layers: [
      { id: "ground", type: "background", paint: { "background-color": "#0a0f16" } },
      {
        id: "views",
        type: "fill",
        source: "views",
        paint: { "fill-color": ["case", ["get", "blind"], "#6d6480", "#2f8fb3"], "fill-opacity": ["case", ["get", "blind"], 0.1, 0.11] },
      },
      {
        id: "views-edge",
        type: "line",
        source: "views",
        paint: { "line-color": ["case", ["get", "blind"], "#7d7391", "#3fa7cc"], "line-opacity": 0.35, "line-dasharray": [2, 2] },
      },
      {
        id: "rooftops",
        type: "fill",
        source: "rooftops",
        paint: {
          "fill-color": ["interpolate", ["linear"], ["get", "height_m"], 3, "#1b2634", 20, "#2c3d52", 60, "#3c536e"],
          "fill-opacity": 0.95,
        },
      },
      { id: "rooftops-edge", type: "line", source: "rooftops", paint: { "line-color": "#4a617b", "line-width": 1 } },
      {
        id: "rays",
        type: "line",
        source: "rays",
        layout: { "line-cap": "round" },
        paint: { "line-color": "#ffd27a", "line-width": 2.5, "line-dasharray": [2, 2] },
      },
      {
        id: "candidates",
        type: "fill",
        source: "candidates",
        paint: {
          "fill-color": byState("#ff7a1a", "#8a94a3", "#5d6674"),
          "fill-opacity": ["interpolate", ["linear"], ["get", "probability"], 0, 0.12, 0.5, 0.6, 1, 0.95],
        },
      },
      {
        id: "candidates-edge",
        type: "line",
        source: "candidates",
        paint: {
          "line-color": byState("#ffb066", "#aab3c0", "#7a8492"),
          "line-width": ["case", ["get", "first"], 3, 1.5],
        },
      },
      {
        id: "region",
        type: "line",
        source: "region",
        paint: { "line-color": "#ffe29a", "line-width": 2, "line-dasharray": [3, 2] },
      },
      {
        id: "chimneys",
        type: "circle",
        source: "chimneys",
        minzoom: 15,
        paint: {
          "circle-radius": ["interpolate", ["linear"], ["zoom"], 15, 1.5, 19, 4],
          "circle-color": "#d9c7a8",
          "circle-stroke-color": "#0a0f16",
          "circle-stroke-width": 1,
        },
      },
      {
        id: "cameras",
        type: "circle",
        source: "cameras",
        paint: {
          "circle-radius": 6,
          "circle-color": ["match", ["get", "mood"], "suspected", "#ff9a3c", "blind", "#9a90b0", "#46c2a0"],
          "circle-stroke-color": "#0a0f16",
          "circle-stroke-width": 2,
        },
      },
    ],
  };
}
