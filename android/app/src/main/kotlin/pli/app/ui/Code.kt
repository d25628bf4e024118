package pli.app.ui

import android.content.ContentResolver
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Matrix
import android.net.Uri
import androidx.compose.foundation.Canvas
import androidx.compose.foundation.layout.size
import androidx.compose.runtime.Composable
import androidx.compose.runtime.remember
import androidx.compose.ui.Modifier
import androidx.compose.ui.geometry.Offset
import androidx.compose.ui.geometry.Size
import androidx.compose.ui.graphics.Color
import androidx.compose.ui.semantics.contentDescription
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.unit.Dp
import androidx.compose.ui.unit.dp
import com.google.zxing.BarcodeFormat
import com.google.zxing.BinaryBitmap
import com.google.zxing.DecodeHintType
import com.google.zxing.EncodeHintType
import com.google.zxing.RGBLuminanceSource
import com.google.zxing.ReaderException
import com.google.zxing.common.GlobalHistogramBinarizer
import com.google.zxing.common.HybridBinarizer
import com.google.zxing.qrcode.QRCodeReader
import com.google.zxing.qrcode.QRCodeWriter
import java.io.IOException
import kotlin.math.floor

/** A text as a code that another phone reads. Always dark on white: readers want it so. */
@Composable
fun Code(text: String, label: String, modifier: Modifier = Modifier, size: Dp = 208.dp) {
    val code = remember(text) {
        QRCodeWriter().encode(text, BarcodeFormat.QR_CODE, 0, 0, mapOf(EncodeHintType.MARGIN to 4))
    }
    Canvas(modifier.size(size).semantics { contentDescription = label }) {
        drawRect(Color.White)
        val side = floor(this.size.minDimension / code.width)
        val edge = (this.size.minDimension - side * code.width) / 2
        for (y in 0 until code.height) for (x in 0 until code.width) {
            if (code[x, y]) drawRect(Color.Black, Offset(edge + x * side, edge + y * side), Size(side, side))
        }
    }
}

/** What the code on a picture says, if there is one. Takes a while: not for the main thread. */
fun read(picture: Bitmap): String? = readAsItIs(picture) ?: TURNS.firstNotNullOfOrNull { turn ->
    val larger = (LONGEST.toFloat() / maxOf(picture.width, picture.height)).coerceIn(1f, 1.5f)
    val matrix = Matrix().apply {
        postScale(larger, larger)
        postRotate(turn)
    }
    readAsItIs(Bitmap.createBitmap(picture, 0, 0, picture.width, picture.height, matrix, true))
}

private fun readAsItIs(picture: Bitmap): String? {
    val pixels = IntArray(picture.width * picture.height)
    picture.getPixels(pixels, 0, picture.width, 0, 0, picture.width, picture.height)
    val source = RGBLuminanceSource(picture.width, picture.height, pixels)
    val hints = mapOf(DecodeHintType.TRY_HARDER to true)
    // Perhaps it is light on dark; what is dark is told by what is around it, or by the whole picture.
    for (seen in listOf(source, source.invert())) for (told in listOf(HybridBinarizer(seen), GlobalHistogramBinarizer(seen))) {
        try {
            return QRCodeReader().decode(BinaryBitmap(told), hints).text
        } catch (_: ReaderException) {
            // The next way.
        }
    }
    return null
}

/** The same of a picture somewhere, read no larger than a code needs. */
fun read(resolver: ContentResolver, picture: Uri): String? = try {
    fun decode(options: BitmapFactory.Options) = resolver.openInputStream(picture)?.use { BitmapFactory.decodeStream(it, null, options) }
    val size = BitmapFactory.Options().apply { inJustDecodeBounds = true }.also { decode(it) }
    val longest = maxOf(size.outWidth, size.outHeight)
    val sample = generateSequence(1) { it * 2 }.first { longest / it <= LONGEST }
    decode(BitmapFactory.Options().apply { inSampleSize = sample })?.let(::read)
} catch (_: IOException) {
    null
}

private const val LONGEST = 2_500
/** By how much to turn a picture whose code was missed: of tilted codes, the reader misses one in four by a hair. */
private val TURNS = listOf(0f, 15f, -15f)
