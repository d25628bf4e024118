package pli.app.ui

import androidx.compose.material3.ColorScheme
import androidx.compose.material3.darkColorScheme
import androidx.compose.material3.lightColorScheme
import androidx.compose.ui.graphics.Color
import androidx.compose.ui.graphics.lerp
import androidx.compose.ui.graphics.luminance

/** How well one is read on the other, from 1 to 21. */
fun contrast(one: Color, other: Color): Float {
    val light = maxOf(one.luminance(), other.luminance())
    val dark = minOf(one.luminance(), other.luminance())
    return (light + 0.05f) / (dark + 0.05f)
}

/** This colour, moved towards [pole] until it is read on [ground] at least that well: whatever accent a theme names. */
private fun Color.readOn(ground: Color, pole: Color, least: Float): Color {
    var share = 0f
    while (share < 1f) {
        val mixed = lerp(this, pole, share)
        if (contrast(mixed, ground) >= least) return mixed
        share += 0.02f
    }
    return pole
}

private val ink = Color(0xFF17191C)
private val paper = Color(0xFFFBFBF9)

/** Ink on paper, and one accent. */
fun light(accent: Color): ColorScheme {
    val primary = accent.readOn(paper, Color.Black, 7f)
    val container = lerp(Color.White, accent, 0.14f)
    val grey = Color(0xFF4A4E54)
    return lightColorScheme(
        primary = primary, onPrimary = Color.White,
        primaryContainer = container, onPrimaryContainer = accent.readOn(container, Color.Black, 10f),
        inversePrimary = accent.readOn(ink, Color.White, 7f),
        secondary = primary, onSecondary = Color.White,
        secondaryContainer = container, onSecondaryContainer = accent.readOn(container, Color.Black, 10f),
        tertiary = primary, onTertiary = Color.White,
        tertiaryContainer = container, onTertiaryContainer = accent.readOn(container, Color.Black, 10f),
        background = paper, onBackground = ink,
        surface = paper, onSurface = ink,
        surfaceVariant = Color(0xFFE9E9E5), onSurfaceVariant = grey,
        surfaceTint = primary,
        surfaceBright = paper, surfaceDim = Color(0xFFDEDED9),
        surfaceContainerLowest = Color.White, surfaceContainerLow = Color(0xFFF5F5F2),
        surfaceContainer = Color(0xFFEFEFEB), surfaceContainerHigh = Color(0xFFE9E9E5),
        surfaceContainerHighest = Color(0xFFE3E3DE),
        inverseSurface = Color(0xFF2E3135), inverseOnSurface = Color(0xFFF2F2EE),
        outline = Color(0xFF73777D), outlineVariant = Color(0xFFD3D4CF),
        error = Color(0xFFA32424), onError = Color.White,
        errorContainer = Color(0xFFFBE3E0), onErrorContainer = Color(0xFF5C1212),
    )
}

fun dark(accent: Color): ColorScheme {
    val night = Color(0xFF121416)
    val primary = accent.readOn(night, Color.White, 8f)
    val container = lerp(Color(0xFF1D2125), accent, 0.75f).let { if (it.luminance() > 0.09f) lerp(it, Color.Black, 0.4f) else it }
    return darkColorScheme(
        primary = primary, onPrimary = primary.readOn(primary, Color.Black, 7f),
        primaryContainer = container, onPrimaryContainer = primary.readOn(container, Color.White, 9f),
        inversePrimary = accent.readOn(paper, Color.Black, 7f),
        secondary = primary, onSecondary = primary.readOn(primary, Color.Black, 7f),
        secondaryContainer = container, onSecondaryContainer = primary.readOn(container, Color.White, 9f),
        tertiary = primary, onTertiary = primary.readOn(primary, Color.Black, 7f),
        tertiaryContainer = container, onTertiaryContainer = primary.readOn(container, Color.White, 9f),
        background = night, onBackground = Color(0xFFE6E6E3),
        surface = night, onSurface = Color(0xFFE6E6E3),
        surfaceVariant = Color(0xFF2A2D31), onSurfaceVariant = Color(0xFFBFC2C5),
        surfaceTint = primary,
        surfaceBright = Color(0xFF373A3E), surfaceDim = night,
        surfaceContainerLowest = Color(0xFF0D0F11), surfaceContainerLow = Color(0xFF191C1F),
        surfaceContainer = Color(0xFF1E2124), surfaceContainerHigh = Color(0xFF26292D),
        surfaceContainerHighest = Color(0xFF303338),
        inverseSurface = Color(0xFFE6E6E3), inverseOnSurface = Color(0xFF2A2D31),
        outline = Color(0xFF8E9297), outlineVariant = Color(0xFF3C4045),
        error = Color(0xFFF2B3AC), onError = Color(0xFF5C1212),
        errorContainer = Color(0xFF6E2420), onErrorContainer = Color(0xFFFBE3E0),
    )
}
