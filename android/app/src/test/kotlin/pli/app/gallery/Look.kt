package pli.app.gallery

import androidx.compose.ui.geometry.Offset
import androidx.compose.ui.geometry.Rect
import androidx.compose.ui.semantics.SemanticsActions
import androidx.compose.ui.semantics.SemanticsNode
import androidx.compose.ui.semantics.SemanticsProperties
import androidx.compose.ui.semantics.getOrNull
import androidx.compose.ui.text.TextLayoutResult
import androidx.compose.ui.text.style.TextOverflow
import androidx.compose.ui.unit.LayoutDirection
import kotlin.math.roundToInt

/** What an attentive designer would not ship, found on a picture and in what screen readers are told of it. */
fun look(shot: Shot): List<String> {
    val window = shot.windows.last()
    return window.roots.flatMap { root ->
        val owner = root.semanticsOwner
        Look(shot, Offset(window.x.toFloat(), window.y.toFloat()), owner.unmergedRootSemanticsNode, owner.rootSemanticsNode).problems()
    }
}

private const val TEXT = 4.5
private const val ICON = 3.0
private const val TARGET_DP = 48

private class Look(val shot: Shot, val offset: Offset, unmerged: SemanticsNode, merged: SemanticsNode) {
    /** Every piece, and every thing that a screen reader stops at. */
    val pieces = unmerged.below()
    val stops = merged.below()
    val places = pieces.withIndex().associate { (place, node) -> node.id to place }
    val width = shot.bitmap.width
    val height = shot.bitmap.height

    fun problems(): List<String> =
        (contrast() + icons() + targets() + labels() + clipped() + overlaps() + order()).distinct()

    // --- Contrast, from the pixels

    private fun contrast() = pieces.filter { it.said() != null && !it.off() }.flatMap { node ->
        words(node).mapNotNull { (word, box) ->
            if (covered(node, box)) return@mapNotNull null
            var found = measured(box) ?: return@mapNotNull null
            // Asked for semantics, a text of no declared direction says that it stands at the left, though it is drawn at the right.
            val fromRight = node.layoutInfo.layoutDirection == LayoutDirection.Rtl
            if (found < TEXT && fromRight) found = maxOf(found, measured(box.mirrored(node)) ?: found)
            if (found >= TEXT) null else "“$word” in “${node.said()!!.take(40)}” has a contrast of ${found.shown()}, not $TEXT"
        }.take(1)
    }

    /** Each word of a text with where it stands, as far as it is in view: a text may have more than one colour. */
    private fun words(node: SemanticsNode): List<Pair<String, Rect>> {
        // A field does not say where in it the text begins.
        if (node.field()) return listOf(node.said()!! to node.boundsInWindow)
        val layout = node.layout() ?: return emptyList()
        val text = layout.layoutInput.text.text
        val seen = node.boundsInWindow
        return Regex("\\S+").findAll(text).take(WORDS).mapNotNull { found ->
            // Emoji have colours of their own.
            if (found.value.none { it.isLetterOrDigit() }) return@mapNotNull null
            val first = found.range.first
            if (layout.getLineForOffset(first) >= layout.lineCount) return@mapNotNull null
            val line = layout.getLineForOffset(first)
            val end = minOf(found.range.last, layout.getLineEnd(line, visibleEnd = true) - 1)
            if (end < first) return@mapNotNull null
            val box = (first..end).map { layout.getBoundingBox(it) }.reduce { a, b -> a.union(b) }.translate(node.positionInWindow)
            val visible = box.intersect(seen)
            if (visible.height < box.height * 0.7f || visible.width < box.width * 0.5f) null else found.value to visible
        }.toList()
    }

    private fun icons() = pieces.filter { node ->
        val picture = node.config.contains(SemanticsProperties.ContentDescription) || node.config.contains(SemanticsActions.OnClick)
        picture && !node.off() && node.below().none { inner ->
            inner.said() != null || inner.config.contains(SemanticsProperties.EditableText) ||
                // Then that one is the picture, and this the button around it.
                inner.id != node.id && inner.config.contains(SemanticsProperties.ContentDescription)
        }
    }.mapNotNull { node ->
        if (node.boundsInWindow.area() < node.size.width * node.size.height * 0.7f) return@mapNotNull null
        if (covered(node, node.boundsInWindow)) return@mapNotNull null
        val found = measured(node.boundsInWindow) ?: return@mapNotNull null
        if (found >= ICON) null else "the picture ${node.label()} has a contrast of ${found.shown()}, not $ICON"
    }

    /** The strongest contrast to what most of the place is filled with; absent if the place is not in the picture. */
    private fun measured(place: Rect): Double? {
        val box = place.translate(offset)
        val left = box.left.roundToInt().coerceIn(0, width)
        val right = box.right.roundToInt().coerceIn(0, width)
        val top = box.top.roundToInt().coerceIn(0, height)
        val bottom = box.bottom.roundToInt().coerceIn(0, height)
        val counts = HashMap<Int, Int>()
        for (y in top until bottom) for (x in left until right) counts.merge(shot.pixels[y * width + x], 1, Int::plus)
        val ground = counts.maxByOrNull { it.value }?.key ?: return null
        return counts.filter { it.value >= LEAST_PIXELS }.keys.maxOf { ratio(it, ground) }
    }

    // --- What can be touched

    private fun targets(): List<String> {
        val touched = pieces.filter { it.touchable() && it.boundsInWindow.area() > 0 }
        val least = TARGET_DP * shot.density - 1
        return touched.mapNotNull { node ->
            val own = node.boundsInWindow
            val whole = node.positionInWindow.let { Rect(it.x, it.y, it.x + node.size.width, it.y + node.size.height) }
            // What is scrolled half out of view has its size all the same.
            if (whole.width >= least && whole.height >= least) return@mapNotNull null
            val area = node.touchBoundsInRoot.intersect(pieces.first().boundsInRoot)
            val dp = { value: Float -> (value / shot.density).roundToInt() }
            val partly = own.width < whole.width - 1 || own.height < whole.height - 1
            val scroller = node.upwards().firstOrNull { it.scrolls() }?.id
            if (!partly && scroller == null && (area.width < least || area.height < least)) {
                return@mapNotNull "${node.label()} can be touched on ${dp(area.width)} × ${dp(area.height)} dp, not $TARGET_DP"
            }
            // Android enlarges what is small, but not into a neighbour.
            val near = touched.firstOrNull { other ->
                // How far something is scrolled is no matter of distances.
                val apart = scroller != other.upwards().firstOrNull { it.scrolls() }?.id
                !apart && other.id != node.id && !other.within(node) && !node.within(other) && area.deflate(1f).overlaps(other.touchBoundsInRoot)
            }
            near?.let { "${node.label()} is ${dp(whole.width)} × ${dp(whole.height)} dp, and too near to ${it.label()} to be touched on $TARGET_DP" }
        }
    }

    private fun labels() = stops.filter { it.touchable() && it.boundsInWindow.area() > 0 }.mapNotNull { node ->
        val words = node.config.getOrNull(SemanticsProperties.ContentDescription).orEmpty() +
            node.config.getOrNull(SemanticsProperties.Text).orEmpty().map { it.text } +
            listOfNotNull(node.config.getOrNull(SemanticsProperties.EditableText)?.text)
        if (words.any { it.isNotBlank() }) null else "what can be touched at ${node.boundsInWindow.shown()} has no label"
    }

    // --- What is cut

    private fun clipped() = pieces.filter { it.config.contains(SemanticsProperties.Text) }.mapNotNull { node ->
        val layout = node.layout() ?: return@mapNotNull null
        val text = "“${node.said()?.take(40)}”"
        val may = node.upwards().any { it.config.contains(MayShorten) }
        val scrolls = node.upwards().any { it.scrolls() }
        val seen = node.boundsInWindow
        when {
            layout.layoutInput.overflow == TextOverflow.Ellipsis && layout.shortened() ->
                if (may) null else "$text is shortened, and not declared to be whole elsewhere"
            layout.multiParagraph.didExceedMaxLines || layout.overflows(node) -> "$text is cut"
            scrolls -> null
            seen.height < node.size.height - 1 || seen.width < node.size.width - 1 -> "$text is cut by what it is in, or by the screen's edge"
            else -> null
        }
    }

    private fun overlaps(): List<String> {
        val texts = pieces.filter { it.said() != null && !it.field() }.mapNotNull { node ->
            val lines = node.layout()?.inked()?.map { it.translate(node.positionInWindow).intersect(node.boundsInWindow) }
            lines?.filter { it.width > 0 && it.height > 0 }?.let { node to it }
        }
        return texts.flatMapIndexed { place, (node, lines) ->
            texts.drop(place + 1).mapNotNull { (other, second) ->
                val both = lines.any { line -> second.any { line.stands(it) && !covered(node, line) } }
                if (both) "“${node.said()?.take(30)}” and “${other.said()?.take(30)}” stand over one another" else null
            }
        }
    }

    private fun Rect.stands(other: Rect): Boolean {
        val common = intersect(other)
        return common.width > OVERLAP_DP * shot.density && common.height > OVERLAP_DP * shot.density
    }

    /** What scrolls may lie under what floats above it: it can be drawn from there. */
    private fun covered(node: SemanticsNode, box: Rect): Boolean {
        val scroller = node.upwards().firstOrNull { it.scrolls() } ?: return false
        val mine = places.getValue(node.id)
        return pieces.any { other ->
            places.getValue(other.id) > mine && !other.within(scroller) && (other.touchable() || other.said() != null) &&
                other.boundsInWindow.deflate(1f).overlaps(box)
        }
    }

    // --- Reading order

    /** The order of keyboards and switches is that in which things are laid out: it is to be the one in which they stand. */
    private fun order(): List<String> {
        val read = stops.filter { (it.touchable() || it.label().isNotEmpty()) && it.boundsInWindow.area() > 0 && it.children.isEmpty() }
        return read.zipWithNext().mapNotNull { (first, second) ->
            if (first.group()?.id != second.group()?.id || first.declared() || second.declared()) return@mapNotNull null
            // A list that begins at its end lays its items out from there.
            if (first.item()?.id != second.item()?.id) return@mapNotNull null
            val a = first.boundsInWindow
            val b = second.boundsInWindow
            // Of two columns, the first may be lower.
            val above = b.bottom <= a.top + 1 && a.left < b.right && b.left < a.right
            val sameLine = b.top < a.bottom - 1 && a.top < b.bottom - 1
            val before = sameLine && if (second.layoutInfo.layoutDirection == LayoutDirection.Rtl) b.left >= a.right - 1 else b.right <= a.left + 1
            if (above || before) "${second.label()} is read after ${first.label()}, but stands before it" else null
        }
    }

    private fun SemanticsNode.group() = upwards().drop(1).firstOrNull { it.config.getOrNull(SemanticsProperties.IsTraversalGroup) == true }

    /** What it is part of, in a list from below. */
    private fun SemanticsNode.item() = upwards().firstOrNull { node ->
        node.parent?.config?.getOrNull(SemanticsProperties.VerticalScrollAxisRange)?.reverseScrolling == true
    }

    private fun SemanticsNode.declared() = upwards().any { (it.config.getOrNull(SemanticsProperties.TraversalIndex) ?: 0f) != 0f }

    private companion object {
        /** A pixel or two are no colour, but the edge of one. */
        const val LEAST_PIXELS = 3
        const val WORDS = 60
        const val OVERLAP_DP = 2
    }
}

private fun SemanticsNode.below(): List<SemanticsNode> = listOf(this) + children.flatMap { it.below() }

private fun SemanticsNode.upwards(): Sequence<SemanticsNode> = generateSequence(this) { it.parent }

private fun SemanticsNode.within(other: SemanticsNode) = upwards().any { it.id == other.id }

private fun SemanticsNode.said(): String? = config.getOrNull(SemanticsProperties.Text)?.joinToString(" ") { it.text }
    ?: config.getOrNull(SemanticsProperties.EditableText)?.text?.takeIf { it.isNotEmpty() }

private fun SemanticsNode.field() = !config.contains(SemanticsProperties.Text) && config.contains(SemanticsProperties.EditableText)

private fun SemanticsNode.scrolls() =
    config.contains(SemanticsProperties.VerticalScrollAxisRange) || config.contains(SemanticsProperties.HorizontalScrollAxisRange)

private fun SemanticsNode.touchable() =
    config.contains(SemanticsActions.OnClick) || config.contains(SemanticsActions.SetText) || config.contains(SemanticsActions.OnLongClick)

/** What is switched off is not held to contrast. */
private fun SemanticsNode.off() = upwards().any { it.config.contains(SemanticsProperties.Disabled) }

private fun SemanticsNode.label(): String {
    val own = below().firstNotNullOfOrNull { node ->
        node.config.getOrNull(SemanticsProperties.ContentDescription)?.firstOrNull() ?: node.said()
    }
    return own?.let { "“${it.take(40)}”" } ?: if (touchable()) "what can be touched at ${boundsInWindow.shown()}" else ""
}

private fun SemanticsNode.layout(): TextLayoutResult? {
    val found = mutableListOf<TextLayoutResult>()
    config.getOrNull(SemanticsActions.GetTextLayoutResult)?.action?.invoke(found)
    return found.firstOrNull()
}

/** Not what the layout says of itself: asked for semantics, it takes all the width that there is. */
private fun TextLayoutResult.overflows(node: SemanticsNode) =
    multiParagraph.height > node.size.height + 1 || inked().any { it.width > node.size.width + 1 }

private fun TextLayoutResult.shortened() = (0 until lineCount).any { isLineEllipsized(it) }

/** Line by line. */
private fun TextLayoutResult.inked(): List<Rect> = (0 until lineCount).map { line ->
    Rect(minOf(getLineLeft(line), getLineRight(line)), getLineTop(line), maxOf(getLineLeft(line), getLineRight(line)), getLineBottom(line))
}

private fun Rect.union(other: Rect) =
    Rect(minOf(left, other.left), minOf(top, other.top), maxOf(right, other.right), maxOf(bottom, other.bottom))

private fun Rect.mirrored(node: SemanticsNode): Rect {
    val sum = node.positionInWindow.x * 2 + node.size.width
    return Rect(sum - right, top, sum - left, bottom)
}

private fun Rect.area() = maxOf(0f, width) * maxOf(0f, height)

private fun Rect.shown() = "${left.roundToInt()}, ${top.roundToInt()}"

private fun Double.shown() = "%.1f".format(java.util.Locale.ROOT, this)

/** Of two colours, as the Web's guidelines reckon it: from 1 to 21. */
fun ratio(one: Int, other: Int): Double {
    val a = luminance(one)
    val b = luminance(other)
    return (maxOf(a, b) + 0.05) / (minOf(a, b) + 0.05)
}

private fun luminance(colour: Int): Double {
    fun linear(part: Int): Double {
        val share = part / 255.0
        return if (share <= 0.04045) share / 12.92 else Math.pow((share + 0.055) / 1.055, 2.4)
    }
    return 0.2126 * linear(colour shr 16 and 255) + 0.7152 * linear(colour shr 8 and 255) + 0.0722 * linear(colour and 255)
}
