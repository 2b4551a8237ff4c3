// Package site is what the fallback says: it turns a directory with page.md and its translations
// into complete maintenance pages, one self-contained HTML document per language, compressed in
// advance, and into the problem document that API clients get. A directory without pages, or none
// at all, means the pages embedded here.
//
// [Load] reads and checks a directory. [Source.Render] makes the [failover.Notice] of one site.
// [Store] keeps the last good source of each directory and follows edits. [Preview] shows a page
// to its author.
package site
